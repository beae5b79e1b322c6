use super::{CallError, ErrorKind};

/// Reads a reply's body up to `limit` bytes.
pub(super) async fn read(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, CallError> {
    let too_large = || CallError::new(ErrorKind::TooLarge, format!("the reply is larger than {limit} bytes"));
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What a failed exchange was. The URL is left out of the text.
pub(super) fn transport(error: reqwest::Error) -> CallError {
    let kind = if error.is_builder() {
        ErrorKind::NotSent
    } else if error.is_connect() {
        ErrorKind::Unreachable
    } else if error.is_timeout() {
        ErrorKind::TimedOut
    } else {
        ErrorKind::Broken
    };
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    CallError::new(kind, text)
}
