use serde_json::{Map, Value};

use super::Server;
use crate::Secret;
use crate::rest::{CallError, Client, ErrorKind, decode_object, int, text};

/// A fresh pair of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Good for [`Self::expires_in`] seconds.
    pub access_token: Secret,
    /// Replaces the one that was used, which is void from now on: store it before anything else.
    pub refresh_token: Secret,
    /// How long the access token lives, in seconds.
    pub expires_in: u64,
    /// When the access token expires, in seconds since 1970.
    pub expires: Option<i64>,
    /// The portal's REST address.
    pub client_endpoint: Option<String>,
    /// The server's own REST address.
    pub server_endpoint: Option<String>,
    /// The portal's identity.
    pub member_id: Option<String>,
    /// The tokens' user.
    pub user_id: Option<i64>,
    /// Comma separated scopes.
    pub scope: Option<String>,
    /// The application's status.
    pub status: Option<String>,
    /// The authorisation server's host, not the portal's.
    pub domain: Option<String>,
}

/// Trades a refresh token for a new pair. Two at once can lose the installation: one caller at a time.
///
/// The parameters travel in the body, so that no log of URLs has the secret.
///
/// # Errors
///
/// A [`CallError`]: [`ErrorKind::InvalidGrant`] when the refresh token is used up, expired or unknown,
/// [`ErrorKind::InvalidClient`] (also with status 200) when the configured client is wrong, [`ErrorKind::NotInstalled`]
/// and [`ErrorKind::PaymentRequired`] when there is no such installation any longer.
pub async fn refresh(
    client: &Client,
    server: &Server,
    client_id: &str,
    client_secret: &str,
    refresh_token: &str,
) -> Result<Tokens, CallError> {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("client_secret", client_secret),
        ("refresh_token", refresh_token),
    ];
    let exchange = async {
        let answer = client.post_form(server.path("/oauth/token/"), &form).await?;
        let object = decode_object(answer.status, &answer.headers, &answer.body)?;
        Tokens::of_json(&object)
            .ok_or_else(|| CallError::new(ErrorKind::Malformed, "access_token or refresh_token is missing"))
    };
    exchange
        .await
        .map_err(|error| error.at(format!("refresh at {}", server.host()), &[client_secret, refresh_token]))
}

impl Tokens {
    fn of_json(object: &Map<String, Value>) -> Option<Self> {
        let of = |name| object.get(name).and_then(text).filter(|text| !text.is_empty());
        Some(Self {
            access_token: of("access_token")?.into(),
            refresh_token: of("refresh_token")?.into(),
            expires_in: object
                .get("expires_in")
                .and_then(int)
                .and_then(|seconds| seconds.try_into().ok())
                .unwrap_or(3600),
            expires: object.get("expires").and_then(int),
            client_endpoint: of("client_endpoint"),
            server_endpoint: of("server_endpoint"),
            member_id: of("member_id"),
            user_id: object.get("user_id").and_then(int),
            scope: of("scope"),
            status: of("status"),
            domain: of("domain"),
        })
    }
}
