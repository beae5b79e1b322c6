//! `bizproc decode`: a captured form body as JSON.

use std::{
    io::{self, Read as _},
    process::ExitCode,
};

use anyhow::Context as _;
use bitrix::{
    Secret, form,
    post::{self, Auth, Post},
};
use serde_json::{Value, json};

use crate::args;

pub(crate) fn run(args: &args::Decode) -> anyhow::Result<ExitCode> {
    let mut body = Vec::new();
    io::stdin()
        .lock()
        .read_to_end(&mut body)
        .context("cannot read standard input")?;
    let limits = form::Limits {
        pairs: args.pairs,
        depth: args.depth,
        ..form::Limits::default()
    };
    let json = if args.typed {
        typed_json(&body, &limits)?
    } else {
        form::to_json(&form::decode(&body, &limits)?)
    };
    crate::output::json(&json)?;
    Ok(ExitCode::SUCCESS)
}

/// A body as what it is, secrets masked.
pub(crate) fn typed_json(body: &[u8], limits: &form::Limits) -> anyhow::Result<Value> {
    Ok(match post::classify(body, None, limits)? {
        Post::Callback(callback) => json!({
            "kind": "callback",
            "workflow_id": callback.workflow_id,
            "code": callback.code,
            "document_id": callback.document_id,
            "document_type": callback.document_type,
            "event_token": MASK,
            "properties": masked(form::to_json(&callback.properties)),
            "use_subscription": callback.use_subscription,
            "timeout_duration": callback.timeout_duration,
            "ts": callback.ts,
            "auth": auth(&callback.auth),
        }),
        Post::Event(event) => json!({
            "kind": "event",
            "event": event.event,
            "event_handler_id": event.event_handler_id,
            "data": masked(form::to_json(&event.data)),
            "ts": event.ts,
            "auth": auth(&event.auth),
        }),
        Post::Frame(frame) => json!({
            "kind": "frame",
            "domain": frame.domain,
            "https": frame.https,
            "lang": frame.lang,
            "placement": frame.placement,
            "placement_options": frame.placement_options,
            "auth": auth(&frame.auth),
        }),
    })
}

/// In the place of a secret.
pub(crate) const MASK: &str = "[secret]";

/// Names of secrets, in any case: events and forms have them at any depth.
const SECRETS: [&str; 9] = [
    "access_token",
    "application_token",
    "auth_id",
    "client_secret",
    "event_token",
    "password",
    "refresh_id",
    "refresh_token",
    "token",
];

fn masked(value: Value) -> Value {
    let is_secret = |name: &str| SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(name, inner)| {
                let inner = if is_secret(&name) { MASK.into() } else { masked(inner) };
                (name, inner)
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        other => other,
    }
}

fn auth(auth: &Auth) -> Value {
    let secret = |secret: &Option<Secret>| secret.as_ref().map(|_| MASK);
    json!({
        "access_token": secret(&auth.access_token),
        "refresh_token": secret(&auth.refresh_token),
        "application_token": secret(&auth.application_token),
        "expires": auth.expires,
        "expires_in": auth.expires_in,
        "domain": auth.domain,
        "member_id": auth.member_id,
        "server_endpoint": auth.server_endpoint,
        "client_endpoint": auth.client_endpoint,
        "scope": auth.scope,
        "status": auth.status,
        "user_id": auth.user_id,
    })
}
