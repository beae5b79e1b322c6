use std::path::PathBuf;

use serde::Deserialize;
use service::Secret;

/// The store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `REGISTRAR__STORE__PATH`: the SQLite file. Default: `registrar.db`.
    pub path: PathBuf,
    /// `REGISTRAR__STORE__KEY`: 64 hex digits that seal the credentials. Default: a key file beside the store.
    pub key: Option<Secret>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: "registrar.db".into(),
            key: None,
        }
    }
}
