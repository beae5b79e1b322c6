use super::{PostError, field};
use crate::Secret;
use crate::form::{Array, Value};

/// Who posts and with which tokens. All of it is optional: a callback of 2015 has no refresh token and no endpoints,
/// an uninstall event no tokens at all, and a portal that has lost the user sends `auth` as an empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// Token of the step's "run as" user (callbacks) or of the installing user.
    pub access_token: Option<Secret>,
    /// Its refresh token; good for 180 days or until used.
    pub refresh_token: Option<Secret>,
    /// When the access token expires, in seconds since 1970.
    pub expires: Option<i64>,
    /// How long the access token lives from now on, in seconds.
    pub expires_in: Option<u64>,
    /// The portal's host, with a port if it isn't the usual one.
    pub domain: Option<String>,
    /// The portal's identity; survives a change of domain.
    pub member_id: Option<String>,
    /// The OAuth server's REST address, such as `https://oauth.bitrix.info/rest/`.
    pub server_endpoint: Option<String>,
    /// The portal's REST address, such as `https://example.bitrix24.com/rest/`.
    pub client_endpoint: Option<String>,
    /// The secret that portal and application share: constant for one installation.
    pub application_token: Option<Secret>,
    /// Comma separated scopes.
    pub scope: Option<String>,
    /// The application's status: L local, F free, D demo, T trial, P paid, S subscription.
    pub status: Option<String>,
    /// The token's user.
    pub user_id: Option<i64>,
}

impl Auth {
    /// Reads `auth[…]` of a callback or an event.
    pub(super) fn of_form(form: &Array) -> Result<Self, PostError> {
        let Some(auth) = form.get("auth").and_then(Value::as_array) else {
            return Ok(Self::default());
        };
        Ok(Self {
            access_token: field::secret(auth, "access_token")?,
            refresh_token: field::secret(auth, "refresh_token")?,
            expires: field::number(auth, "expires"),
            expires_in: field::number(auth, "expires_in"),
            domain: field::filled(auth, "domain")?,
            member_id: field::filled(auth, "member_id")?,
            server_endpoint: field::filled(auth, "server_endpoint")?,
            client_endpoint: field::filled(auth, "client_endpoint")?,
            application_token: field::secret(auth, "application_token")?,
            scope: field::filled(auth, "scope")?,
            status: field::filled(auth, "status")?,
            user_id: field::number(auth, "user_id"),
        })
    }
}
