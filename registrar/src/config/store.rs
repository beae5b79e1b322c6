use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use service::{ConfigError, Secret};
use thiserror::Error;

use crate::vault::KEY_LEN;

/// The store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `REGISTRAR__STORE__PATH`: the SQLite file. Default: `registrar.db`.
    pub path: PathBuf,
    /// `REGISTRAR__STORE__KEY`: 64 hex digits that seal the credentials. Default: a key file beside the store.
    pub key: Option<Secret>,
}

/// Why there is no key to seal credentials with.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file beside the store can't be read or made.
    #[error("cannot read or make the key file {}: {source}; make it by hand, or set `registrar.store.key_file`", path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error("no random bytes from the system: {0}")]
    Random(getrandom::Error),
    /// The text is no key.
    #[error("the key in {} is not 64 hex digits; restore the file, or the stored credentials are lost", .0.display())]
    Malformed(PathBuf),
}

impl Store {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match &self.key {
            Some(key) if parse(key.expose()).is_none() => {
                let problem = "is not 64 hex digits: make one with `openssl rand -hex 32`";
                Err(ConfigError::invalid("registrar.store.key", problem))
            }
            _ => Ok(()),
        }
    }

    /// The key: the configured one, else that of the file beside the store, which is made when it isn't there.
    pub(crate) fn load_key(&self) -> Result<[u8; KEY_LEN], KeyError> {
        let path = self.key_path();
        if let Some(key) = &self.key {
            return parse(key.expose()).ok_or(KeyError::Malformed(path));
        }
        let failed = |source| KeyError::File {
            path: path.clone(),
            source,
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text).ok_or(KeyError::Malformed(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; KEY_LEN];
                getrandom::fill(&mut key).map_err(KeyError::Random)?;
                create(&path, &key).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn key_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".key");
        path.into()
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: "registrar.db".into(),
            key: None,
        }
    }
}

fn parse(text: &str) -> Option<[u8; KEY_LEN]> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.trim().as_bytes())
        .ok()?
        .try_into()
        .ok()
}

/// Readable by its owner alone, and on the disk before anything is sealed with it.
fn create(path: &Path, key: &[u8; KEY_LEN]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{}", data_encoding::HEXLOWER.encode(key))?;
    file.sync_all()?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_file_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = Store {
            path: folder.path().join("registrar.db"),
            key: None,
        };
        let key = store.load_key().unwrap();
        assert_ne!(key, [0; KEY_LEN]);
        assert_eq!(store.load_key().unwrap(), key);
        let file = folder.path().join("registrar.db.key");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&file, "short").unwrap();
        assert!(
            matches!(store.load_key(), Err(KeyError::Malformed(_))),
            "a damaged key is never replaced"
        );
    }

    #[test]
    fn a_configured_key_needs_no_file() {
        let store = Store {
            path: "/nonexistent/x.db".into(),
            key: Some(Secret::from("aB".repeat(32))),
        };
        assert_eq!(store.load_key().unwrap(), [0xab; KEY_LEN]);
        assert!(store.check().is_ok());
        assert!(
            Store {
                key: Some(Secret::from("ab")),
                ..Store::default()
            }
            .check()
            .is_err()
        );
    }
}
