//! HTML entities are decoded before the auditors look: numeric ones to single bytes, and `&colon;`, `&tab;`, `&newline;`.

use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::rule::pattern;

/// A pattern and what a match becomes.
type Step = (Regex, fn(&Captures<'_>) -> Vec<u8>);

static STEPS: LazyLock<Vec<Step>> = LazyLock::new(|| {
    vec![
        (pattern(r"&#([0-9]+)([^0-9]|\z)"), |found| {
            character(number(&found[1], 10), &found[2])
        }),
        (pattern(r"&#x([0-9a-f]+)([^0-9a-f]|\z)"), |found| {
            character(number(&found[1], 16), &found[2])
        }),
        (pattern("&colon;"), |_| b":".to_vec()),
        (pattern("&tab;"), |_| b"\r".to_vec()),
        (pattern("&newline;"), |_| b"\n".to_vec()),
        (pattern(r"\x00"), |_| Vec::new()),
        (pattern("&#0+(?:;|([^0-9;]))"), rest),
        (pattern("&#x0+(?:;|([^0-9a-f;]))"), rest),
    ]
});

/// Decodes until nothing is left to decode.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let pass = |text: Vec<u8>| {
        STEPS.iter().fold(text, |text, (search, replace)| {
            search.replace_all(&text, *replace).into_owned()
        })
    };
    super::until_stable(text, pass).unwrap_or_else(|| text.to_vec())
}

/// One byte, however large the number, and what followed; a semicolon belongs to the entity.
fn character(number: i64, after: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number.to_le_bytes()[0]];
    if after != b";" {
        bytes.extend_from_slice(after);
    }
    bytes
}

fn number(digits: &[u8], radix: u32) -> i64 {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| i64::from_str_radix(digits, radix).ok())
        .unwrap_or(i64::MAX)
}

fn rest(found: &Captures<'_>) -> Vec<u8> {
    found.get(1).map_or_else(Vec::new, |after| after.as_bytes().to_vec())
}
