//! Who sent a request: the OAuth server's word about the access token in it, and nothing else.

use std::time::Duration;

use bitrix::{
    oauth::{AppInfo, Server},
    rest::{CallError, ErrorKind},
};
use proto::registrar::v1::Auth;
use url::Url;

use crate::{
    config::App,
    remote::{Parent, Remote},
};

/// A request that was proved to come from a user of an installation of the app.
#[derive(Debug)]
pub(crate) struct Proof {
    /// The configured host that proved it.
    pub(crate) oauth_host: String,
    /// Its reply.
    pub(crate) info: AppInfo,
    /// The portal's REST base in that reply.
    pub(crate) endpoint: Url,
}

/// A request that was not proved.
#[derive(Debug)]
pub(crate) enum Unproved {
    /// It is not what it claims to be.
    Disproved(String),
    /// Its token has expired: nothing can be said any more.
    Expired,
    /// Nobody could be asked.
    Unreachable(String),
    /// Nobody may be asked for this time: too many questions came before.
    NoBudget(Duration),
}

/// Proves a request by `app.info`: the token must be one of this app on the portal that the request claims.
pub(crate) async fn prove(remote: &Remote, parent: &Parent, app: &App, auth: &Auth) -> Result<Proof, Unproved> {
    if auth.access_token.is_empty() || auth.member_id.is_empty() {
        return Err(Unproved::Disproved("it carries no access token or no member_id".into()));
    }
    let mut worst = None;
    for server in remote.servers_for(&auth.server_endpoint) {
        match remote.app_info(parent, server, &auth.access_token).await {
            Ok(info) => return judge(server, info, app, auth),
            Err(error) => worst = Some(graver(worst, verdict(&error))),
        }
    }
    Err(match worst {
        Some(Unproved::Disproved(reason)) => Unproved::Disproved(reason + &hint(remote, &auth.server_endpoint)),
        Some(other) => other,
        None => Unproved::Unreachable("no OAuth host is configured".into()),
    })
}

/// A portal of another region uses another host: then the token is unknown to those we ask.
fn hint(remote: &Remote, server_endpoint: &str) -> String {
    match Url::parse(server_endpoint) {
        Ok(url) if !remote.knows(server_endpoint) => {
            format!(
                " (the request names {}, which is not among registrar.oauth_hosts)",
                url.host_str().unwrap_or("?")
            )
        }
        _ => String::new(),
    }
}

fn judge(server: &Server, info: AppInfo, app: &App, auth: &Auth) -> Result<Proof, Unproved> {
    if info.client_id != app.client_id {
        return Err(Unproved::Disproved("its token belongs to another application".into()));
    }
    if info.install.member_id != auth.member_id {
        return Err(Unproved::Disproved("its token belongs to another portal".into()));
    }
    match Url::parse(&info.install.client_endpoint) {
        Ok(endpoint) if matches!(endpoint.scheme(), "http" | "https") && endpoint.host().is_some() => Ok(Proof {
            oauth_host: server.url().to_string(),
            info,
            endpoint,
        }),
        _ => Err(Unproved::Unreachable(format!(
            "{} names no usable address of the portal",
            server.url()
        ))),
    }
}

/// What a server's refusal means. Only what it says of the token itself disproves.
fn verdict(error: &CallError) -> Unproved {
    match error.kind {
        ErrorKind::TokenExpired => Unproved::Expired,
        ErrorKind::TokenInvalid
        | ErrorKind::InvalidGrant
        | ErrorKind::NotInstalled
        | ErrorKind::ApplicationNotFound
        | ErrorKind::AccessDenied => Unproved::Disproved(error.to_string()),
        _ => Unproved::Unreachable(error.to_string()),
    }
}

/// With several servers: one that could not be asked might have known the token; one that knows it as expired does.
fn graver(before: Option<Unproved>, now: Unproved) -> Unproved {
    match (before, now) {
        (Some(Unproved::Expired), _) | (_, Unproved::Expired) => Unproved::Expired,
        (Some(before @ Unproved::Unreachable(_)), Unproved::Disproved(_)) => before,
        (_, now) => now,
    }
}
