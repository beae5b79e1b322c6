//! The algorithms of `Digest`.

use md5::Digest as _;
use proto::hasher::v1::Algorithm;

/// Longest digest, SHA-512's.
const LONGEST: usize = 64;

/// How one text becomes a digest.
#[derive(Clone, Copy)]
pub(crate) struct Hash {
    /// Bytes of a digest.
    pub(crate) length: usize,
    write: Write,
}

type Write = fn(text: &[u8], digest: &mut [u8]);

impl Hash {
    /// `None`: not chosen.
    pub(crate) fn of(algorithm: Algorithm) -> Option<Self> {
        let (length, write): (_, Write) = match algorithm {
            Algorithm::Unspecified => return None,
            Algorithm::Md5 => (16, |text, digest| digest.copy_from_slice(&md5::Md5::digest(text))),
            Algorithm::Sha1 => (20, |text, digest| digest.copy_from_slice(&sha1::Sha1::digest(text))),
            Algorithm::Sha256 => (32, |text, digest| digest.copy_from_slice(&sha2::Sha256::digest(text))),
            Algorithm::Sha512 => (64, |text, digest| digest.copy_from_slice(&sha2::Sha512::digest(text))),
            Algorithm::Blake3 => (32, |text, digest| digest.copy_from_slice(blake3::hash(text).as_bytes())),
            Algorithm::Crc32 => (4, |text, digest| {
                digest.copy_from_slice(&crc32fast::hash(text).to_be_bytes());
            }),
        };
        Some(Self { length, write })
    }

    /// Hands the digest of `text` to `take`.
    pub(crate) fn digest<T>(self, text: &str, take: impl FnOnce(&[u8]) -> T) -> T {
        let mut buffer = [0; LONGEST];
        let digest = &mut buffer[..self.length];
        (self.write)(text.as_bytes(), digest);
        take(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published vectors: RFC 1321, FIPS 180 (`abc`), the BLAKE3 project, the CRC catalogue (`123456789`).
    #[test]
    fn digests_are_the_published_ones() {
        for (algorithm, text, hex) in [
            (Algorithm::Md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Md5, "", "d41d8cd98f00b204e9800998ecf8427e"),
            (Algorithm::Sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Algorithm::Sha256,
                "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Algorithm::Sha512,
                "abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (
                Algorithm::Blake3,
                "",
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            ),
            (Algorithm::Crc32, "123456789", "cbf43926"),
        ] {
            let hash = Hash::of(algorithm).unwrap();
            let digest = hash.digest(text, |digest| data_encoding::HEXLOWER.encode(digest));
            assert_eq!(digest, hex, "{algorithm:?} of {text:?}");
        }
        assert!(Hash::of(Algorithm::Unspecified).is_none());
    }
}
