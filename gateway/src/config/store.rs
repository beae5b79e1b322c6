use std::path::PathBuf;

use serde::Deserialize;
use service::Secret;

/// The store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `GATEWAY__STORE__PATH`: the SQLite file. Default: `gateway.db`.
    pub path: PathBuf,
    /// `GATEWAY__STORE__KEY`: 64 hex digits that seal what is not authenticated yet. Default: a key file beside the store.
    pub key: Option<Secret>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: "gateway.db".into(),
            key: None,
        }
    }
}
