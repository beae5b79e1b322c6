//! The key that seals what a store keeps: configured, or in a file beside the store.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{ConfigError, Secret};

const LEN: usize = 32;

/// 256 bits.
#[derive(Clone)]
pub struct Key(pub(super) [u8; LEN]);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file beside the store can't be read or made.
    #[error("cannot read or make the key file {}: {source}; make it by hand, or configure `store.key_file`", path.display())]
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
    #[error("the key in {} is not 64 hex digits; restore the file, or what the store has sealed is lost", .0.display())]
    Malformed(PathBuf),
}

impl Key {
    /// Checks a configured key; `key` is where it is configured, e.g. `gateway.store.key`.
    ///
    /// # Errors
    /// It is not 64 hex digits.
    pub fn check(configured: Option<&Secret>, key: &str) -> Result<(), ConfigError> {
        match configured {
            Some(secret) if Self::parse(secret.expose()).is_none() => {
                let problem = "is not 64 hex digits: make one with `openssl rand -hex 32`";
                Err(ConfigError::invalid(key, problem))
            }
            _ => Ok(()),
        }
    }

    /// The configured key, else that of the file `PATH.key` beside the store at PATH, which is made when it isn't there.
    ///
    /// # Errors
    /// The file can't be read or made, or its text is no key: a damaged one is never replaced.
    pub fn load(configured: Option<&Secret>, store: &Path) -> Result<Self, KeyError> {
        let mut path = store.as_os_str().to_owned();
        path.push(".key");
        let path = PathBuf::from(path);
        if let Some(key) = configured {
            return Self::parse(key.expose()).ok_or(KeyError::Malformed(path));
        }
        let failed = |source| KeyError::File {
            path: path.clone(),
            source,
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).ok_or(KeyError::Malformed(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; LEN];
                getrandom::fill(&mut key).map_err(KeyError::Random)?;
                let key = Self(key);
                key.create(&path).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Readable by its owner alone, and on the disk before anything is sealed with it.
    fn create(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        writeln!(file, "{}", data_encoding::HEXLOWER.encode(&self.0))?;
        file.sync_all()?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("x.db");
        let key = Key::load(None, &store).unwrap();
        assert_ne!(key.0, [0; LEN]);
        assert_eq!(Key::load(None, &store).unwrap().0, key.0);
        let file = folder.path().join("x.db.key");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&file, "short").unwrap();
        assert!(
            matches!(Key::load(None, &store), Err(KeyError::Malformed(_))),
            "a damaged key is never replaced"
        );
    }

    #[test]
    fn a_configured_key_needs_no_file() {
        let key = Secret::from("aB".repeat(LEN));
        let loaded = Key::load(Some(&key), Path::new("/nonexistent/x.db")).unwrap();
        assert_eq!(loaded.0, [0xab; LEN]);
        assert!(Key::check(Some(&key), "x.store.key").is_ok());
        let error = Key::check(Some(&Secret::from("ab".to_owned())), "x.store.key").unwrap_err();
        assert!(error.to_string().contains("x.store.key"), "{error}");
    }
}
