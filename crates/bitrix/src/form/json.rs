use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, json};

use super::{Array, Key, Value};

/// A form as JSON, in order: lists as arrays, the rest as objects.
///
/// A text that is not UTF-8 is `{"$base64": "…"}`, such a key `"$base64:…"`. An empty array is `{}`.
pub fn to_json(array: &Array) -> serde_json::Value {
    if array.is_list() && !array.is_empty() {
        return array.iter().map(|(_, value)| value_to_json(value)).collect();
    }
    let object: Map<_, _> = array
        .iter()
        .map(|(key, value)| (key_to_json(key), value_to_json(value)))
        .collect();
    object.into()
}

fn value_to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Array(array) => to_json(array),
        Value::Text(text) => match str::from_utf8(text) {
            Ok(text) => text.into(),
            Err(_) => json!({ "$base64": BASE64_STANDARD.encode(text) }),
        },
    }
}

fn key_to_json(key: &Key) -> String {
    match key {
        Key::Int(int) => int.to_string(),
        Key::Text(text) => match str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("$base64:{}", BASE64_STANDARD.encode(text)),
        },
    }
}
