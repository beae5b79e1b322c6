//! Encryption at rest of what carries tokens.

mod key;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

pub use self::key::{Key, KeyError};

const NONCE_LEN: usize = 24;

/// XChaCha20-Poly1305 with a random nonce in front; bound to the row it is for, so that a row copied over another one does
/// not open.
pub struct Sealer(XChaCha20Poly1305);

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Wrong key, foreign row or damaged bytes: cryptography can't tell which.
    #[error("what is stored doesn't open: the store was written with another key, or is damaged")]
    Opening,
    /// The system gave no random bytes.
    #[error("no random bytes from the system: {0}")]
    Random(getrandom::Error),
    /// It is too long: more than 256 GiB.
    #[error("it can't be sealed")]
    Sealing,
}

impl Sealer {
    /// With this key.
    pub fn new(key: &Key) -> Self {
        Self(XChaCha20Poly1305::new((&key.0).into()))
    }

    /// Encrypts for a row.
    ///
    /// # Errors
    /// No random bytes.
    pub fn seal(&self, row: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(SealError::Random)?;
        let payload = Payload { msg: plain, aad: row };
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Sealing)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Decrypts what [`Sealer::seal`] made for the same row.
    ///
    /// # Errors
    /// Another key, another row, or damage.
    pub fn open(&self, row: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
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

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&Key([byte; 32]))
    }

    #[test]
    fn opens_only_in_its_own_row_with_its_own_key() {
        let sealed = sealer(7).seal(b"row", b"refresh token").unwrap();
        assert_eq!(sealer(7).open(b"row", &sealed).unwrap(), b"refresh token");
        assert!(!sealed.windows(5).any(|part| part == b"token"));
        assert!(sealer(7).open(b"other", &sealed).is_err());
        assert!(sealer(8).open(b"row", &sealed).is_err());
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let sealed = sealer(7).seal(b"row", b"refresh").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer(7).open(b"row", &changed).is_err(), "byte {at}");
            assert!(sealer(7).open(b"row", &sealed[..at]).is_err(), "length {at}");
        }
    }

    #[test]
    fn equal_texts_are_sealed_differently() {
        let seal = || sealer(7).seal(b"row", b"refresh").unwrap();
        assert_ne!(seal(), seal());
    }
}
