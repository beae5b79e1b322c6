use std::{borrow::Borrow, collections::BTreeMap, fmt};

use activity::{DateFormat, Zone};
use serde::Deserialize;
use service::{ConfigError, Secret};

use super::Executor;

/// Name of an app: it is part of the handler addresses, so it never changes for a portal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct AppName(String);

/// An app as it is registered at Bitrix24.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// `…__CLIENT_ID`: the app's identity at Bitrix24. Required.
    pub client_id: String,
    /// `…__CLIENT_SECRET`: it is sent to configured OAuth hosts only. Required.
    pub client_secret: Secret,
    /// `…__EXECUTORS`: the executors whose activities belong to the app. Default: all.
    pub executors: Option<Vec<String>>,
    /// `…__PORTALS__MEMBER_ID__…`: what no portal tells about itself, by member id. Default: nothing.
    #[serde(default)]
    pub portals: BTreeMap<String, Portal>,
}

/// How a portal writes dates and times.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portal {
    /// `…__CULTURE`: the form of its site, e.g. `DD.MM.YYYY HH:MI:SS`. Required.
    pub culture: DateFormat,
    /// `…__TIME_ZONE`: the zone that its dates and times are in, e.g. `Europe/Moscow`. Required.
    pub time_zone: Zone,
}

impl App {
    /// Form and zone of a portal's dates, as they are told to others; empty: not configured.
    pub(crate) fn dates(&self, member_id: &str) -> (String, String) {
        let portal = self.portals.get(member_id);
        portal.map_or_else(Default::default, |portal| {
            (portal.culture.to_string(), portal.time_zone.to_string())
        })
    }

    /// Whether the executor's activities belong to the app.
    pub(crate) fn has(&self, executor: &str) -> bool {
        self.executors
            .as_ref()
            .is_none_or(|executors| executors.iter().any(|name| name == executor))
    }

    pub(super) fn check(&self, name: &AppName, executors: &BTreeMap<String, Executor>) -> Result<(), ConfigError> {
        let key = |key| format!("registrar.apps.{name}.{key}");
        if self.client_id.is_empty() {
            return Err(ConfigError::missing(&key("client_id"), false));
        }
        if self.client_secret.expose().is_empty() {
            return Err(ConfigError::missing(&key("client_secret"), true));
        }
        match self
            .executors
            .iter()
            .flatten()
            .find(|executor| !executors.contains_key(*executor))
        {
            Some(unknown) => {
                let problem = format!("names `{unknown}`, but there is no `[registrar.executors.{unknown}]`");
                Err(ConfigError::invalid(key("executors"), problem))
            }
            None => Ok(()),
        }
    }
}

impl AppName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AppName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&name.len()) && name.bytes().all(fine) {
            Ok(Self(name))
        } else {
            Err(format!(
                "`{name}` is no name of an app: use a-z, 0-9 and `-`, up to 32 characters"
            ))
        }
    }
}

impl Borrow<str> for AppName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
