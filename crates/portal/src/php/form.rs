//! `http_build_query()` with its default encoding, RFC 1738.

use serde_json::{Map, Value};

use super::cast::to_text;

/// Bytes that are no UTF-8, as `{"$base64": "…"}`, so that JSON can carry them.
const BYTES: &str = "$base64";

/// The body: pairs joined by `&`. Nulls and empty arrays vanish, true and false are `1` and `0`.
pub fn build(data: &Map<String, Value>) -> String {
    let mut out = String::new();
    for (key, value) in data {
        pair(&mut out, &encode(&key_bytes(key)), value);
    }
    out
}

fn pair(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pair(out, &format!("{name}%5B{index}%5D"), item);
            }
        }
        Value::Object(map) => match bytes_of(map) {
            Some(bytes) => scalar(out, name, &bytes),
            None => {
                for (key, item) in map {
                    pair(out, &format!("{name}%5B{}%5D", encode(&key_bytes(key))), item);
                }
            }
        },
        Value::Bool(flag) => scalar(out, name, if *flag { b"1" } else { b"0" }),
        Value::Number(_) | Value::String(_) => scalar(out, name, to_text(value).as_bytes()),
    }
}

fn scalar(out: &mut String, name: &str, value: &[u8]) {
    if !out.is_empty() {
        out.push('&');
    }
    out.push_str(name);
    out.push('=');
    out.push_str(&encode(value));
}

fn bytes_of(map: &Map<String, Value>) -> Option<Vec<u8>> {
    match map.iter().next() {
        Some((key, Value::String(text))) if map.len() == 1 && key == BYTES => from_base64(text),
        _ => None,
    }
}

fn key_bytes(key: &str) -> Vec<u8> {
    key.strip_prefix("$base64:")
        .and_then(from_base64)
        .unwrap_or_else(|| key.as_bytes().to_vec())
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    data_encoding::BASE64.decode(text.as_bytes()).ok()
}

/// `urlencode()`.
fn encode(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' => out.push(char::from(*byte)),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out
}
