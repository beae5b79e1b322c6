//! The HTTP client of the answer path. hyper-util's: reqwest costs 1 to 10 µs more a job.

use std::{sync::Arc, time::Duration};

use bitrix::rest::CallError;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};
use service::{guard::Guard, innermost};

use super::{REPLY_LIMIT, resolver::Resolver};

/// A reply to `event.send` is some hundred bytes, to a batch of 50 with a reading 20 KB; a page of a proxy may be more.
const REPLY_BYTES: usize = 256 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("bizproc/", env!("CARGO_PKG_VERSION")));

/// Calls portals. Redirects aren't followed: a token must not.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    guard: Guard,
}

/// A call that brought no reply that could be understood, or an error.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The portal's reply.
    Portal(CallError),
    /// There was none. The call may have had its effect.
    Transport(String),
}

impl HttpClient {
    /// With the system's root certificates. Without any, only portals without TLS can be reached, and that is logged.
    ///
    /// # Errors
    /// The TLS library refuses its own defaults.
    pub(crate) fn new(guard: Guard) -> Result<Self, rustls::Error> {
        let mut http = HttpConnector::new_with_resolver(Resolver(guard.clone()));
        http.set_connect_timeout(Some(Duration::from_secs(5)));
        http.set_nodelay(true);
        http.enforce_http(false);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = match HttpsConnectorBuilder::new().with_provider_and_native_roots(provider.clone()) {
            Ok(builder) => builder,
            Err(error) => {
                tracing::warn!(%error, "no root certificates: portals can't be reached over TLS; install ca-certificates");
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()?
                    .with_root_certificates(RootCertStore::empty())
                    .with_no_client_auth();
                HttpsConnectorBuilder::new().with_tls_config(config)
            }
        };
        let https = builder.https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_timer(TokioTimer::new())
            // As on the server's side.
            .http1_writev(false)
            .build(https);
        Ok(Self { client, guard })
    }

    /// Posts JSON; `read` understands the reply. The token is in the body, where no log looks.
    pub(crate) async fn post<T>(
        &self,
        url: &Uri,
        body: Vec<u8>,
        read: impl FnOnce(StatusCode, &HeaderMap, &[u8]) -> Result<T, CallError>,
    ) -> Result<T, SendError> {
        // A host that is an address is not resolved.
        self.guard
            .check(url.host().unwrap_or_default())
            .map_err(|error| SendError::Transport(error.to_string()))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(url.clone())
            .header(header::CONTENT_TYPE, JSON)
            .header(header::ACCEPT, JSON)
            .header(header::USER_AGENT, AGENT)
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| SendError::Transport(error.to_string()))?;
        match tokio::time::timeout(REPLY_LIMIT, self.exchange(request)).await {
            Err(_) => Err(SendError::Transport(format!("no reply within {REPLY_LIMIT:?}"))),
            Ok(Err(problem)) => Err(SendError::Transport(problem)),
            Ok(Ok((status, headers, body))) => read(status, &headers, &body).map_err(SendError::Portal),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, HeaderMap, Bytes), String> {
        let response = self.client.request(request).await.map_err(|error| innermost(&error))?;
        let (head, mut body) = response.into_parts();
        let mut whole = BytesMut::new();
        let mut first = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| innermost(&error))?.into_data() else {
                continue;
            };
            if whole.len() + data.len() > REPLY_BYTES {
                return Err(format!("the reply is larger than {REPLY_BYTES} bytes"));
            }
            // Usually there is one frame, which needs no copy.
            match first.take() {
                None if whole.is_empty() => first = Some(data),
                None => whole.extend_from_slice(&data),
                Some(before) => {
                    let before: Bytes = before;
                    whole.extend_from_slice(&before);
                    whole.extend_from_slice(&data);
                }
            }
        }
        Ok((head.status, head.headers, first.unwrap_or_else(|| whole.freeze())))
    }
}
