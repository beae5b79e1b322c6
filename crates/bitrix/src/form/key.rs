use std::fmt;
use std::hash::Hash;

use bytes::Bytes;

/// The key of an array element: an integer where PHP makes one of it (`0`, `-5`), else bytes (`00`, `+1`, `1.5`).
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// A decimal integer in PHP's canonical spelling.
    Int(i64),
    /// Anything else, possibly not UTF-8.
    Text(Bytes),
}

impl Key {
    /// The key's bytes as text, when it is text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Int(_) => None,
            Self::Text(text) => Some(text),
        }
    }

    pub(super) fn borrow(&self) -> KeyRef<'_> {
        match self {
            Self::Int(int) => KeyRef::Int(*int),
            Self::Text(text) => KeyRef::Text(text),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => int.fmt(f),
            Self::Text(text) => String::from_utf8_lossy(text).fmt(f),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => int.fmt(f),
            Self::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
        }
    }
}

/// A key that is only looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum KeyRef<'a> {
    Int(i64),
    Text(&'a [u8]),
}

impl<'a> KeyRef<'a> {
    /// PHP's `ZEND_HANDLE_NUMERIC_STR`: canonical decimal integers of 64 bits are integers.
    pub(super) fn new(name: &'a [u8]) -> Self {
        integer(name).map_or(Self::Text(name), Self::Int)
    }
}

fn integer(name: &[u8]) -> Option<i64> {
    const LONGEST: usize = "-9223372036854775808".len();
    let canonical = match name {
        b"0" => true,
        [b'1'..=b'9', digits @ ..] | [b'-', b'1'..=b'9', digits @ ..] => {
            name.len() <= LONGEST && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    canonical.then(|| str::from_utf8(name).ok()?.parse().ok()).flatten()
}
