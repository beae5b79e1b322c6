//! The proactive filter: it rewrites texts that look like an attack, in every request and again in each command of a batch.
//!
//! Three auditors look at a text in turn, each until nothing changes any more: script injection, SQL injection, paths. They do not
//! refuse but split what they find with a blank, so `<script` becomes `<sc ript`. Keys are filtered as well as values.

mod entity;
mod path;
mod rule;
mod script;
mod sql;

use serde_json::Value;

use crate::context::Params;

/// All texts of the parameters, filtered. A key that changes moves to the end.
pub(super) fn params(params: Params) -> Params {
    let mut filtered = params.clone();
    for (key, value) in params {
        let mut place = key.clone();
        if let Some(changed) = text(&key) {
            filtered.shift_remove(&key);
            place = changed;
        }
        filtered.insert(place, self::value(value));
    }
    filtered
}

fn value(value: Value) -> Value {
    match value {
        Value::String(string) => text(&string).map_or(Value::String(string), Value::String),
        Value::Array(items) => Value::Array(items.into_iter().map(self::value).collect()),
        Value::Object(map) => Value::Object(params(map)),
        other => other,
    }
}

/// The filtered text, if any auditor changed it; otherwise it stays as it was, HTML entities and all.
fn text(original: &str) -> Option<String> {
    if original
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b',' | b'-'))
    {
        return None;
    }
    let decoded = entity::decode(original.as_bytes());
    let mut changed: Option<Vec<u8>> = None;
    let auditors: [fn(&[u8]) -> Option<Vec<u8>>; 3] = [script::audit, sql::audit, path::audit];
    for auditor in auditors {
        if let Some(filtered) = auditor(changed.as_ref().unwrap_or(&decoded)) {
            changed = Some(filtered);
        }
    }
    changed.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Applies `pass` until it changes nothing; `None` if it never did.
fn until_stable(text: &[u8], pass: impl Fn(Vec<u8>) -> Vec<u8>) -> Option<Vec<u8>> {
    let mut current = text.to_vec();
    loop {
        let next = pass(current.clone());
        if next == current {
            break;
        }
        current = next;
    }
    (current != text).then_some(current)
}
