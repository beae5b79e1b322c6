//! A POST of a portal or a browser: read, told apart by its shape, taken.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    extract::Request,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use bitrix::post::{Post, classify};
use jiff::Timestamp;

use super::{
    accept,
    arrival::Arrival,
    event, frame,
    gate::Gate,
    refusal::Refusal,
    seats::{Phase, Seat},
    source::{Peer, is_trusted, source},
};

/// Takes a POST, whatever it is.
pub(super) async fn receive(gate: &Gate, app: &str, revision: Option<&str>, request: Request) -> Response {
    let at = gate.shared.clock.now();
    take(gate, app, revision, at, request).await.unwrap_or_else(|refusal| {
        gate.shared.counts.refused(refusal.reason());
        tracing::debug!(app, reason = refusal.reason(), "a post was refused");
        refusal.into_response()
    })
}

async fn take(
    gate: &Gate,
    app: &str,
    revision: Option<&str>,
    at: Timestamp,
    request: Request,
) -> Result<Response, Refusal> {
    let known = gate
        .shared
        .latest
        .borrow()
        .as_ref()
        .map(|snapshot| snapshot.has_app(app));
    // Without a snapshot the apps are not known: the body is kept if the name has the right form.
    if !known.unwrap_or_else(|| is_name(app)) {
        return Err(Refusal::NoSuchApp);
    }
    let (head, body) = request.into_parts();
    if !is_form(&head.headers) {
        return Err(Refusal::ContentType);
    }
    let config = &gate.shared.config;
    let peer = head
        .extensions
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    let source = source(peer, &head.headers, &config.http.trusted_proxies);
    let _entered = if is_trusted(peer, &config.http.trusted_proxies) {
        Some(gate.requests.enter(source).ok_or(Refusal::SourceBusy)?)
    } else {
        None
    };
    let body = gate.buffers.read(body, config.limits.body_bytes, &config.http).await?;
    if let Some(seat) = head.extensions.get::<Arc<Seat>>() {
        seat.turn_to(Phase::Working);
    }
    let post = classify(&body.bytes, head.uri.query(), &config.limits.form()).map_err(Refusal::Body)?;
    let arrival = Arrival {
        app,
        revision,
        at,
        source: source.to_string(),
        path: head.uri.path(),
    };
    match post {
        Post::Callback(callback) => accept::accept(gate, &arrival, callback, &body.bytes).await,
        Post::Event(posted) => Box::pin(event::accept(gate, &arrival, posted, &body.bytes)).await,
        Post::Frame(posted) => Ok(Box::pin(frame::show(gate, &arrival, posted)).await),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let Some(text) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let kind = text.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Names of apps: `[a-z0-9-]+`, as the registrar's configuration has them.
fn is_name(app: &str) -> bool {
    (1..=64).contains(&app.len()) && app.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
