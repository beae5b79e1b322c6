use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use url::Url;

use super::{CallError, ErrorKind, Reply, body, decode_reply};

/// The largest reply that is read unless a [`Client`] is told otherwise, in bytes.
pub const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;

/// A client's settings as every client of a portal or OAuth server needs them: no redirects (a token must not follow
/// one), TLS by rustls on ring, a connection within 5 s, a whole reply within 65 s (a portal cuts a request at 60 s).
pub fn client_builder() -> reqwest::ClientBuilder {
    // Fails when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "this is the one place that the rule points to")]
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(65))
        .user_agent(concat!("bizproc/", env!("CARGO_PKG_VERSION")))
}

/// Calls portals. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    max_reply_bytes: usize,
}

/// A whole reply.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// Wraps a client made by [`client_builder`].
    pub fn new(http: reqwest::Client) -> Self {
        Self {
            http,
            max_reply_bytes: MAX_REPLY_BYTES,
        }
    }

    /// Bounds replies at another size, in bytes.
    pub fn with_max_reply_bytes(self, max_reply_bytes: usize) -> Self {
        Self {
            max_reply_bytes,
            ..self
        }
    }

    /// Calls one method with a JSON body and the access token in it, where no log and no proxy looks.
    ///
    /// `endpoint` is the portal's REST address (`client_endpoint`), `params` a JSON object or null.
    ///
    /// # Errors
    ///
    /// A [`CallError`] of any kind; its text names method and host.
    pub async fn call(&self, endpoint: &Url, token: &str, method: &str, params: Value) -> Result<Reply, CallError> {
        self.try_call(endpoint, token, method, params)
            .await
            .map_err(|error| error.at(format!("{method} at {}", host(endpoint)), &[token]))
    }

    async fn try_call(&self, endpoint: &Url, token: &str, method: &str, params: Value) -> Result<Reply, CallError> {
        let mut body = match params {
            Value::Object(params) => params,
            Value::Null => Map::new(),
            _ => return Err(CallError::new(ErrorKind::NotSent, "the parameters are no JSON object")),
        };
        body.insert("auth".to_owned(), token.into());
        let answer = self
            .send(self.http.post(method_url(endpoint, method)?).json(&body))
            .await?;
        decode_reply(answer.status, &answer.headers, &answer.body)
    }

    /// Posts a flat form, as the OAuth server takes it.
    pub(crate) async fn post_form(&self, url: Url, form: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.send(self.http.post(url).form(form)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, CallError> {
        let mut response = request.send().await.map_err(body::transport)?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let body = match body::read(response, self.max_reply_bytes).await {
            // A redirect's or an overloaded front's body is of no interest.
            Err(_) if !status.is_success() => Vec::new(),
            body => body.map_err(|mut error| {
                error.status = Some(status.as_u16());
                error
            })?,
        };
        Ok(Answer { status, headers, body })
    }
}

/// Where a method is called: the endpoint's path with the method's name after it.
///
/// # Errors
///
/// [`ErrorKind::NotSent`] when the endpoint is no http address or the method no method name.
pub fn method_url(endpoint: &Url, method: &str) -> Result<Url, CallError> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if method.is_empty() || !method.bytes().all(is_name) || method.contains("..") || method.starts_with('.') {
        return Err(CallError::new(
            ErrorKind::NotSent,
            format!("{method:?} is no method name"),
        ));
    }
    let mut url = endpoint.clone();
    url.set_query(None);
    url.set_fragment(None);
    match url.path_segments_mut() {
        Ok(mut path) if matches!(endpoint.scheme(), "http" | "https") => {
            path.pop_if_empty().push(method);
        }
        _ => {
            return Err(CallError::new(
                ErrorKind::NotSent,
                "the endpoint is no http or https address",
            ));
        }
    }
    Ok(url)
}

/// Host and port, for errors.
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
