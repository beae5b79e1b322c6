use std::{fmt, str::FromStr};

use serde::Deserialize;
use url::Url;

/// Where portals reach the gateway: a scheme, a host that portals take, perhaps a path; no slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// HANDLER of the activities of a revision.
    pub(crate) fn activity_handler(&self, app: &str, revision: &str) -> String {
        format!("{self}/bitrix/{app}/activity/{revision}")
    }

    /// Handler of the lifecycle events.
    pub(crate) fn event_handler(&self, app: &str) -> String {
        format!("{self}/bitrix/{app}/event")
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim_end_matches('/');
        bitrix::handler::check(text).map_err(|error| format!("`{text}`: {error}"))?;
        let url = Url::parse(text).map_err(|error| format!("`{text}` is no address: {error}"))?;
        if url.query().is_some() || url.fragment().is_some() || !text.is_ascii() || text.contains(char::is_whitespace) {
            return Err(format!(
                "`{text}` must be a plain address without `?` and `#`: `https://bizproc.example.com`"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
