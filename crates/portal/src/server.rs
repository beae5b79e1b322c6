//! HTTP below the methods: listeners, parameters, wrong answers for tests.

mod auth;
pub(crate) mod https;
pub(crate) mod oauth;
pub(crate) mod portal;
pub(crate) mod serve;

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, Request},
    response::Response,
};
use serde_json::{Map, Value};

use crate::{
    fault::Rule,
    php::{json, query},
};

/// Bodies larger than this are refused; PHP's `post_max_size` is about that.
const MAX_BODY: usize = 32 << 20;

/// A request's parameters.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// Query and body, the body's winning.
    pub params: Map<String, Value>,
    /// Token of the `Authorization` header.
    pub bearer: Option<String>,
    /// Content type without its parameters.
    pub content_type: String,
    /// Peer.
    pub source: Option<IpAddr>,
}

/// Reads a request's parameters as the server merges them. A list gives parameters named `0`, `1`, …; a body that is
/// no JSON array or object, or larger than the limit, gives none.
pub(crate) async fn read_params(request: Request) -> Call {
    let (parts, body) = request.into_parts();
    let header = |name: http::HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let content_type = header(http::header::CONTENT_TYPE)
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let bearer = header(http::header::AUTHORIZATION)
        .strip_prefix("Bearer ")
        .map(|token| token.trim().to_owned());
    let source = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(address)| address.ip());
    let mut params = query::parse(parts.uri.query().unwrap_or_default());
    let body = axum::body::to_bytes(body, MAX_BODY).await.unwrap_or_default();
    if content_type == "application/json" {
        let body = serde_json::from_slice(&body).unwrap_or_default();
        params.extend(json::into_map(body));
    } else if parts.method == http::Method::POST {
        params.extend(query::parse(&String::from_utf8_lossy(&body)));
    }
    Call {
        params,
        bearer,
        content_type,
        source,
    }
}

/// A JSON answer as the server sends it.
pub(crate) fn json_response(status: u16, body: &Value) -> Response<Body> {
    response(status, "application/json; charset=utf-8", body.to_string())
}

/// Any answer.
pub(crate) fn response(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

/// Waits as long as a rule says.
pub(crate) async fn before_fault(rule: Option<Rule>) -> Option<Rule> {
    if let Some(rule) = &rule
        && rule.delay_ms > 0
    {
        tokio::time::sleep(Duration::from_millis(rule.delay_ms)).await;
    }
    rule
}

/// The wrong answer of a rule; `None` for one that is only slow.
pub(crate) fn apply_fault(rule: &Rule) -> Option<Response<Body>> {
    if rule.cut {
        let mut answer = Response::new(Body::new(Cut));
        answer.extensions_mut().insert(Cut);
        return Some(answer);
    }
    let status = rule.status?;
    let mut answer = match &rule.body {
        Value::String(text) => response(status, "text/html; charset=UTF-8", text.clone()),
        Value::Null => response(status, "text/html; charset=UTF-8", ""),
        body => json_response(status, body),
    };
    if let Some(location) = rule.location.as_deref().and_then(|location| location.parse().ok()) {
        answer.headers_mut().insert(http::header::LOCATION, location);
    }
    Some(answer)
}

/// A body that breaks the connection; the response has it as an extension, too.
#[derive(Clone, Copy)]
pub(crate) struct Cut;

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::Error::other("cut on order"))))
    }
}
