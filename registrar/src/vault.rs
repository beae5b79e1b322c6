//! Encryption at rest: credentials are readable with the key only, and only in the row they were written for.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use thiserror::Error;

use crate::installation::Key;

/// Length of the key, in bytes.
pub(crate) const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;

/// Seals and opens credentials: XChaCha20-Poly1305, a random nonce in front, the installation as associated data, so that
/// a row copied over another one does not open.
pub(crate) struct Vault {
    cipher: XChaCha20Poly1305,
}

/// Why something could not be sealed or opened.
#[derive(Debug, Error)]
pub(crate) enum VaultError {
    /// Wrong key, foreign row or damaged bytes: cryptography can't tell which.
    #[error("the stored credentials don't open: the store was written with another key, or is damaged")]
    Opening,
    /// The system gave no random bytes.
    #[error("no random bytes from the system: {0}")]
    Random(getrandom::Error),
    /// The plaintext is too long; can't happen with tokens.
    #[error("the credentials can't be sealed")]
    Sealing,
}

impl Vault {
    /// With this key.
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(key.into()),
        }
    }

    /// Encrypts for this installation.
    pub(crate) fn seal(&self, key: &Key, plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(VaultError::Random)?;
        let payload = Payload {
            msg: plaintext,
            aad: &associated_data(key),
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::Sealing)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Decrypts what [`Vault::seal`] made for the same installation.
    pub(crate) fn open(&self, key: &Key, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::Opening)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &associated_data(key),
        };
        self.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| VaultError::Opening)
    }
}

/// App and portal; an app's name holds no NUL, so the pair is unambiguous.
fn associated_data(key: &Key) -> Vec<u8> {
    [key.app.as_bytes(), b"\0", key.member_id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(app: &str, member_id: &str) -> Key {
        Key {
            app: app.into(),
            member_id: member_id.into(),
        }
    }

    #[test]
    fn opens_only_in_its_own_row_with_its_own_key() {
        let vault = Vault::new(&[7; KEY_LEN]);
        let sealed = vault.seal(&key("demo", "m1"), b"refresh").unwrap();
        assert_eq!(vault.open(&key("demo", "m1"), &sealed).unwrap(), b"refresh");
        assert!(vault.open(&key("demo", "m2"), &sealed).is_err());
        assert!(vault.open(&key("other", "m1"), &sealed).is_err());
        assert!(Vault::new(&[8; KEY_LEN]).open(&key("demo", "m1"), &sealed).is_err());
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let vault = Vault::new(&[7; KEY_LEN]);
        let sealed = vault.seal(&key("demo", "m1"), b"refresh").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.open(&key("demo", "m1"), &changed).is_err(), "byte {at}");
            assert!(vault.open(&key("demo", "m1"), &sealed[..at]).is_err(), "length {at}");
        }
    }

    #[test]
    fn equal_texts_are_sealed_differently() {
        let vault = Vault::new(&[7; KEY_LEN]);
        let seal = || vault.seal(&key("demo", "m1"), b"refresh").unwrap();
        assert_ne!(seal(), seal());
    }
}
