//! The tokens of an installation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::{
    Secret,
    seal::{SealError, Sealer},
};
use sha2::{Digest, Sha256};

use super::{Key, TokenDigest};

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
    pub(crate) fn seal(&self, sealer: &Sealer, key: &Key) -> Result<Vec<u8>, SealError> {
        let plain = Plain {
            access_token: self.access_token.expose().into(),
            expires: self.expires.as_second(),
            refresh_token: self.refresh_token.as_ref().map(|token| token.expose().into()),
        };
        sealer.seal(&row(key), &serde_json::to_vec(&plain).map_err(|_| SealError::Sealing)?)
    }

    /// Decrypted from the row of this installation.
    pub(crate) fn open(sealer: &Sealer, key: &Key, stored: &[u8]) -> Result<Self, SealError> {
        let opened = sealer.open(&row(key), stored)?;
        let plain: Plain = serde_json::from_slice(&opened).map_err(|_| SealError::Opening)?;
        Ok(Self {
            access_token: Secret::from(plain.access_token.into_owned()),
            expires: Timestamp::from_second(plain.expires).map_err(|_| SealError::Opening)?,
            refresh_token: plain.refresh_token.map(|token| Secret::from(token.into_owned())),
        })
    }
}

/// App and portal; an app's name holds no NUL, so the pair is unambiguous.
fn row(key: &Key) -> Vec<u8> {
    [key.app.as_bytes(), b"\0", key.member_id.as_bytes()].concat()
}

/// SHA-256 of a token: what is compared, handed out and remembered instead of it.
pub(crate) fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token).into()
}
