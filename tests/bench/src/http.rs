//! As little HTTP/1.1 as load, portal and collector need: whole messages with a `content-length` over kept connections.
//! A real server or client would cost several times as much and take the processor from the system under test.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Where a message's parts end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Length of the head with its empty line.
    pub(crate) head: usize,
    /// Length of head and body.
    pub(crate) whole: usize,
}

/// A request, borrowed from its connection's buffer.
pub(crate) struct Request<'a> {
    /// Path and query.
    pub(crate) target: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

/// Answers a request by appending a whole response (see [`respond`]).
pub(crate) trait Handler: Send + Sync + 'static {
    fn handle(&self, request: &Request<'_>, response: &mut Vec<u8>);
}

/// The first message of `buffer`, or nothing while it is incomplete.
pub(crate) fn frame(buffer: &[u8]) -> io::Result<Option<Frame>> {
    let Some(end) = find(buffer, b"\r\n\r\n") else {
        return Ok(None);
    };
    let mut length = 0;
    for line in buffer[..end].split(|byte| *byte == b'\n') {
        if let Some(value) = header(line, b"content-length:") {
            let text = str::from_utf8(value).unwrap_or_default().trim();
            length = text.parse().map_err(|_| io::Error::other("bad content-length"))?;
        } else if header(line, b"transfer-encoding:").is_some() {
            return Err(io::Error::other("chunked messages are not understood here"));
        }
    }
    let (head, whole) = (end + 4, end + 4 + length);
    Ok((buffer.len() >= whole).then_some(Frame { head, whole }))
}

/// Position of `needle`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

/// Appends a response.
pub(crate) fn respond(response: &mut Vec<u8>, status: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    response.extend_from_slice(head.as_bytes());
    response.extend_from_slice(body);
}

/// Serves until the task is dropped.
pub(crate) async fn serve<H: Handler>(listener: TcpListener, handler: Arc<H>) {
    while let Ok((stream, _)) = listener.accept().await {
        let handler = Arc::clone(&handler);
        // A peer that goes away in the middle is the end of its connection, no more.
        tokio::spawn(async move { connection(stream, &*handler).await.ok() });
    }
}

async fn connection(mut stream: TcpStream, handler: &impl Handler) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Vec::with_capacity(64 * 1024);
    let mut output = Vec::with_capacity(4 * 1024);
    while stream.read_buf(&mut input).await? > 0 {
        let mut used = 0;
        while let Some(frame) = frame(&input[used..])? {
            let message = &input[used..used + frame.whole];
            let target = message.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
            let target = str::from_utf8(target).map_err(io::Error::other)?;
            handler.handle(
                &Request {
                    target,
                    body: &message[frame.head..],
                },
                &mut output,
            );
            used += frame.whole;
        }
        input.drain(..used);
        stream.write_all(&output).await?;
        output.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_whole_with_its_last_byte() {
        let message = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(frame(&message[..message.len() - 1]).unwrap(), None);
        let whole = Frame {
            head: message.len() - 3,
            whole: message.len(),
        };
        assert_eq!(frame(message).unwrap(), Some(whole));
        let two = [&message[..], b"GET"].concat();
        assert_eq!(frame(&two).unwrap(), Some(whole));
    }

    #[test]
    fn chunks_are_refused_not_misread() {
        assert!(frame(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn finds_what_begins_after_a_false_start() {
        assert_eq!(find(b"aab", b"ab"), Some(1));
        assert_eq!(find(b"aa", b"ab"), None);
    }
}
