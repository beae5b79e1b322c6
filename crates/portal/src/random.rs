//! Randomness of the operating system, and chance that can be repeated.

mod seeded;

pub use seeded::Seeded;

/// Random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    getrandom::fill(&mut out).expect("the system gives random bytes, or nothing here can work");
    out
}

/// A number below `limit`; the bias of the remainder does not matter here.
pub fn below(limit: u64) -> u64 {
    u64::from_le_bytes(bytes()) % limit
}

/// Lower-case hex of `N` random bytes.
pub fn hex<const N: usize>() -> String {
    to_hex(&bytes::<N>())
}

/// Lower-case hex.
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            write!(out, "{byte:02x}").expect("a String takes everything");
            out
        })
}

/// PHP side's `Random::getString(32, true)`: letters of both cases and digits.
pub fn event_id() -> String {
    const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    bytes::<32>()
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}
