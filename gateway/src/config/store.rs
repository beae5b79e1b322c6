use std::path::PathBuf;

use serde::Deserialize;
use service::{ConfigError, Secret, seal::Key};
use store::postgres::{Settings, Url};

/// The store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `GATEWAY__STORE__PATH`: the SQLite file. Default: `gateway.db`.
    pub path: PathBuf,
    /// `GATEWAY__STORE__URL`: the PostgreSQL database that is used instead of the file, `postgres://USER@HOST/DATABASE`.
    pub url: Option<Url>,
    /// `GATEWAY__STORE__PASSWORD`: that of the database's user.
    pub password: Option<Secret>,
    /// `GATEWAY__STORE__CA`: certificates (PEM) that may vouch for the database's server. Default: those that the system trusts.
    pub ca: Option<String>,
    /// `GATEWAY__STORE__ALLOW_LOSSY_COMMITS`: whether a database with `synchronous_commit = off` is used. Default: false.
    pub allow_lossy_commits: bool,
    /// `GATEWAY__STORE__KEY`: 64 hex digits that seal what is not authenticated yet. Default: a key file beside the store; required with a URL.
    pub key: Option<Secret>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: "gateway.db".into(),
            url: None,
            password: None,
            ca: None,
            allow_lossy_commits: false,
            key: None,
        }
    }
}

impl Store {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.url.is_some() && self.key.is_none() {
            return Err(ConfigError::missing("gateway.store.key", true));
        }
        Key::check(self.key.as_ref(), "gateway.store.key")
    }

    /// The database, if it is not a file.
    pub(crate) fn database(&self) -> Option<Settings> {
        Some(Settings {
            url: self.url.clone()?,
            password: self.password.as_ref().map(|password| password.expose().to_owned()),
            ca: self.ca.clone(),
            allow_lossy_commits: self.allow_lossy_commits,
        })
    }
}
