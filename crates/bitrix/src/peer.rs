//! A server for one exchange that answers exactly the bytes it is told to.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

use crate::rest::{Client, client_builder};

pub(crate) struct Peer {
    pub(crate) url: Url,
    exchange: JoinHandle<(String, usize)>,
}

impl Peer {
    /// Answers `bytes` and closes the connection.
    pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(|mut stream| async move {
            // The client may hang up in the middle of a reply that is too large for it.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            bytes.len()
        })
        .await
    }

    /// Answers a head, then the same bytes so many times with pauses between, until the client hangs up.
    pub(crate) async fn writing(head: String, bytes: Vec<u8>, times: usize, pause: Duration) -> Self {
        Self::start(move |mut stream| async move {
            let mut written = 0;
            let mut went = stream.write_all(head.as_bytes()).await;
            while went.is_ok() && written / bytes.len() < times {
                tokio::time::sleep(pause).await;
                went = stream.write_all(&bytes).await;
                written += bytes.len();
            }
            written
        })
        .await
    }

    /// Takes the request and says nothing.
    pub(crate) async fn silent() -> Self {
        Self::start(|mut stream| async move {
            let _ = stream.read(&mut [0]).await;
            0
        })
        .await
    }

    /// Answers a status line and a JSON body.
    pub(crate) async fn json(status: u16, body: &str) -> Self {
        Self::answering(response(status, "application/json; charset=utf-8", body)).await
    }

    /// The request's head and body.
    pub(crate) async fn request(self) -> String {
        self.exchange.await.unwrap().0
    }

    /// How many bytes of a body were written before the client hung up.
    pub(crate) async fn written(self) -> usize {
        self.exchange.await.unwrap().1
    }

    async fn start<F: Future<Output = usize> + Send + 'static>(
        answer: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/rest/", listener.local_addr().unwrap());
        let exchange = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read_request(&mut stream).await;
            (request, answer(stream).await)
        });
        Self {
            url: url.parse().unwrap(),
            exchange,
        }
    }
}

pub(crate) fn client() -> Client {
    Client::new(client_builder().build().unwrap())
}

pub(crate) fn response(status: u16, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text.into_owned();
            }
        }
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(read > 0, "the request was cut");
        request.extend_from_slice(&chunk[..read]);
    }
}
