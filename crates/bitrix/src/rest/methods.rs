use serde_json::Value;
use url::Url;

use super::{CallError, Client, ErrorKind, Reply, flag, int, text};

/// Who a token's user is (the method `profile`, which needs no scope).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The user's number.
    pub id: i64,
    /// Whether the user is an administrator of the portal.
    pub admin: bool,
    /// The user's time zone, such as `Europe/Moscow`; `None` for the portal's default.
    pub time_zone: Option<String>,
}

impl Client {
    /// Asks who the token's user is.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    pub async fn profile(&self, endpoint: &Url, token: &str) -> Result<Profile, CallError> {
        let profile = self.call(endpoint, token, "profile", Value::Null).await?.result;
        let id = profile.get("ID").and_then(int).ok_or_else(|| {
            CallError::new(ErrorKind::Malformed, "the profile has no ID").at("profile".to_owned(), &[])
        })?;
        Ok(Profile {
            id,
            admin: profile.get("ADMIN").and_then(flag).unwrap_or_default(),
            time_zone: profile.get("TIME_ZONE").and_then(text).filter(|zone| !zone.is_empty()),
        })
    }
}

/// The codes that `bizproc.activity.list` and `bizproc.robot.list` give.
///
/// # Errors
///
/// [`ErrorKind::Malformed`] when the result is no list of texts.
pub fn codes(reply: &Reply) -> Result<Vec<String>, CallError> {
    let codes = reply.result.as_array().and_then(|list| {
        let codes: Option<Vec<_>> = list.iter().map(|code| code.as_str().map(str::to_owned)).collect();
        codes
    });
    codes.ok_or_else(|| CallError::new(ErrorKind::Malformed, "the result is no list of codes"))
}
