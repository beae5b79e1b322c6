//! Any bytes decode within the limits, keep to them, and print.
#![no_main]

use bitrix::form::{Array, Limits, Value, decode, to_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let limits = Limits {
        pairs: 200,
        depth: 8,
        ..Limits::default()
    };
    if let Ok(form) = decode(body, &limits) {
        assert!(depth(&form) <= limits.depth + 1);
        assert!(bytes(&form) <= body.len());
        for (key, value) in &form {
            if let Some(Ok(key)) = key.as_bytes().map(str::from_utf8) {
                assert!(form.get(key) == Some(value));
            }
        }
        let _ = to_json(&form).to_string();
    }
    assert!(
        decode(
            body,
            &Limits {
                depth: usize::MAX,
                pairs: usize::MAX,
                bytes: usize::MAX
            }
        )
        .is_ok()
            || nests(body)
    );
});

fn depth(array: &Array) -> usize {
    1 + array
        .iter()
        .filter_map(|(_, value)| value.as_array())
        .map(depth)
        .max()
        .unwrap_or(0)
}

/// Decoding never makes a text longer.
fn bytes(array: &Array) -> usize {
    array
        .iter()
        .map(|(_, value)| match value {
            Value::Text(text) => text.len(),
            Value::Array(array) => bytes(array),
        })
        .sum()
}

/// Only depth has a ceiling of its own.
fn nests(body: &[u8]) -> bool {
    body.len() > 256
}
