use serde_json::Value;

use super::Server;
use crate::rest::{CallError, Client, ErrorKind, decode_reply, flag, int, text};

/// What the authorisation server says about an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppInfo {
    /// The application that the token was given to.
    pub client_id: String,
    /// Comma separated scopes.
    pub scope: Option<String>,
    /// When the token expires, in seconds since 1970.
    pub expires: Option<i64>,
    /// The token's user.
    pub user_id: Option<i64>,
    /// The installation that the token belongs to.
    pub install: Install,
}

/// An application on a portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// The portal's identity.
    pub member_id: String,
    /// The portal's REST address: the only one that the installation's tokens may be sent to.
    pub client_endpoint: String,
    /// Whether the installation is finished (`BX24.installFinish`, or an application without pages).
    pub installed: bool,
    /// The application's version.
    pub version: Option<i64>,
    /// The application's status: L local, F free, D demo, T trial, P paid, S subscription.
    pub status: Option<String>,
    /// Comma separated scopes.
    pub scope: Option<String>,
    /// The portal's host.
    pub domain: Option<String>,
    /// The application's page on the portal.
    pub uri: Option<String>,
    /// The kind of portal.
    pub member_type: Option<String>,
}

/// Asks a server about an access token.
///
/// # Errors
///
/// A [`CallError`]: [`ErrorKind::TokenExpired`] and [`ErrorKind::TokenInvalid`] say that the token proves nothing,
/// [`ErrorKind::NotInstalled`] and the like that there is no such installation any longer.
pub async fn app_info(client: &Client, server: &Server, access_token: &str) -> Result<AppInfo, CallError> {
    let exchange = async {
        let answer = client
            .post_form(server.path("/rest/app.info"), &[("auth", access_token)])
            .await?;
        let reply = decode_reply(answer.status, &answer.headers, &answer.body)?;
        AppInfo::of_json(&reply.result).ok_or_else(|| {
            CallError::new(
                ErrorKind::Malformed,
                "client_id, member_id or client_endpoint is missing",
            )
        })
    };
    exchange
        .await
        .map_err(|error| error.at(format!("app.info at {}", server.host()), &[access_token]))
}

impl AppInfo {
    fn of_json(info: &Value) -> Option<Self> {
        let install = info.get("install")?;
        let of = |object: &Value, name| object.get(name).and_then(text).filter(|text| !text.is_empty());
        Some(Self {
            client_id: of(info, "client_id")?,
            scope: of(info, "scope"),
            expires: info.get("expires").and_then(int),
            user_id: info.get("user_id").and_then(int),
            install: Install {
                member_id: of(install, "member_id")?,
                client_endpoint: of(install, "client_endpoint")?,
                installed: install.get("installed").and_then(flag).unwrap_or_default(),
                version: install.get("version").and_then(int),
                status: of(install, "status"),
                scope: of(install, "scope"),
                domain: of(install, "domain"),
                uri: of(install, "uri"),
                member_type: of(install, "member_type"),
            },
        })
    }
}
