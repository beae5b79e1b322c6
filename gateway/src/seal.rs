//! Encryption at rest of what carries foreign tokens: callbacks in quarantine and events.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

/// Length of the key, in bytes.
pub(crate) const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;

/// XChaCha20-Poly1305 with a random nonce in front; bound to the row's key, so that a row copied over another one does
/// not open.
pub(crate) struct Sealer(XChaCha20Poly1305);

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// Wrong key, foreign row or damaged bytes: cryptography can't tell which.
    #[error("the stored body doesn't open: the store was written with another key, or is damaged")]
    Opening,
    #[error("no random bytes from the system: {0}")]
    Random(getrandom::Error),
    #[error("the body can't be sealed")]
    Sealing,
}

impl Sealer {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    pub(crate) fn seal(&self, row: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(SealError::Random)?;
        let payload = Payload { msg: plain, aad: row };
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Sealing)?;
        Ok([&nonce[..], &sealed].concat())
    }

    pub(crate) fn open(&self, row: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Opening)?;
        let payload = Payload {
            msg: ciphertext,
            aad: row,
        };
        self.0
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SealError::Opening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_in_its_own_row_with_its_own_key() {
        let vault = Sealer::new(&[7; KEY_LEN]);
        let sealed = vault.seal(b"row", b"auth[access_token]=x").unwrap();
        assert_eq!(vault.open(b"row", &sealed).unwrap(), b"auth[access_token]=x");
        assert!(!sealed.windows(4).any(|part| part == b"auth"));
        assert!(vault.open(b"other", &sealed).is_err());
        assert!(Sealer::new(&[8; KEY_LEN]).open(b"row", &sealed).is_err());
        assert!(vault.open(b"row", &sealed[..20]).is_err());
        let mut changed = sealed.clone();
        changed[40] ^= 1;
        assert!(vault.open(b"row", &changed).is_err());
    }
}
