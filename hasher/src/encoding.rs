//! How a digest is written.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use proto::hasher::v1::Encoding;

/// The encoding's alphabet; hex if none was chosen.
pub(crate) fn alphabet(encoding: Encoding) -> data_encoding::Encoding {
    match encoding {
        Encoding::Unspecified | Encoding::Hex => HEXLOWER,
        Encoding::Base64url => BASE64URL_NOPAD,
    }
}
