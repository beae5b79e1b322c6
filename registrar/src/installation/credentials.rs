//! The tokens of an installation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::Secret;
use sha2::{Digest, Sha256};

use super::{Key, TokenDigest};
use crate::vault::{Vault, VaultError};

/// Access token, and refresh token if it is to outlive that.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) access_token: Secret,
    /// End of the access token.
    pub(crate) expires: Timestamp,
    /// None: they end with the access token.
    pub(crate) refresh_token: Option<Secret>,
}

/// The sealed form.
#[derive(Serialize, Deserialize)]
struct Plain<'a> {
    access_token: std::borrow::Cow<'a, str>,
    expires: i64,
    refresh_token: Option<std::borrow::Cow<'a, str>>,
}

impl Credentials {
    /// Encrypted for the row of this installation.
    pub(crate) fn seal(&self, vault: &Vault, key: &Key) -> Result<Vec<u8>, VaultError> {
        let plain = Plain {
            access_token: self.access_token.expose().into(),
            expires: self.expires.as_second(),
            refresh_token: self.refresh_token.as_ref().map(|token| token.expose().into()),
        };
        vault.seal(key, &serde_json::to_vec(&plain).map_err(|_| VaultError::Sealing)?)
    }

    /// Decrypted from the row of this installation.
    pub(crate) fn open(vault: &Vault, key: &Key, sealed: &[u8]) -> Result<Self, VaultError> {
        let opened = vault.open(key, sealed)?;
        let plain: Plain = serde_json::from_slice(&opened).map_err(|_| VaultError::Opening)?;
        Ok(Self {
            access_token: Secret::from(plain.access_token.into_owned()),
            expires: Timestamp::from_second(plain.expires).map_err(|_| VaultError::Opening)?,
            refresh_token: plain.refresh_token.map(|token| Secret::from(token.into_owned())),
        })
    }
}

/// SHA-256 of a token: what is compared, handed out and remembered instead of it.
pub(crate) fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token).into()
}
