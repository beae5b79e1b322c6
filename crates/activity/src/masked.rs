//! Values for a person's eyes.

use serde_json::{Map, Value as Json};

use crate::{Key, Value};

/// What stands in place of a value.
pub(crate) const HIDDEN: &str = "[hidden]";

pub(crate) fn properties<'a>(
    properties: impl IntoIterator<Item = (&'a [u8], Value<'a>)>,
    shown: impl Fn(&[u8]) -> bool,
) -> Map<String, Json> {
    let value = |key: &[u8], value: Value<'_>| if shown(key) { to_json(&value) } else { HIDDEN.into() };
    properties
        .into_iter()
        .map(|(key, given)| (text(key), value(key, given)))
        .collect()
}

pub(crate) fn answer(values: &Map<String, Json>, hidden: impl Fn(&str) -> bool) -> Map<String, Json> {
    let value = |key: &str, value: &Json| if hidden(key) { HIDDEN.into() } else { value.clone() };
    values
        .iter()
        .map(|(key, given)| (key.clone(), value(key, given)))
        .collect()
}

fn to_json(value: &Value<'_>) -> Json {
    match value {
        Value::Text(bytes) => text(bytes).into(),
        Value::List(items) if items.iter().all(|(key, _)| matches!(key, Key::Int(_))) => {
            items.iter().map(|(_, item)| to_json(item)).collect()
        }
        Value::List(items) => {
            let key = |key: &Key<'_>| match key {
                Key::Int(index) => index.to_string(),
                Key::Text(bytes) => text(bytes),
            };
            Json::Object(items.iter().map(|(name, item)| (key(name), to_json(item))).collect())
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
