//! `$result[command][key]` in a command's texts, after URL decoding.
//!
//! An expression is `$`, one of the names of the results in any case, and everything up to the next white space; it needs at least one
//! `[…]`. A text that is nothing else becomes the value itself; inside a text only texts and numbers are put in. Keys are searched
//! with an empty list of names, which never changes one.

use serde_json::{Map, Value};

use super::results::Results;
use crate::php::{
    cast::{is_numeric, set, to_text},
    json::{element, integer_key},
};

/// The parameters with every expression replaced.
pub(super) fn params(params: Map<String, Value>, results: &Results) -> Map<String, Value> {
    params
        .into_iter()
        .map(|(key, item)| (key, value(item, results)))
        .collect()
}

fn value(value: Value, results: &Results) -> Value {
    match value {
        Value::Object(map) => Value::Object(params(map, results)),
        Value::String(text) => replaced(&text, results),
        other => other,
    }
}

/// One expression: all of it, the name as spelled, the keys of its path.
struct Expression<'a> {
    whole: &'a str,
    name: &'a str,
    path: Vec<&'a str>,
}

fn replaced(text: &str, results: &Results) -> Value {
    let mut current = Value::String(text.to_owned());
    for Expression { whole, name, path } in expressions(text, results) {
        let found = follow(results.get(name), &path);
        let Value::String(now) = &current else { break };
        if now == whole {
            current = found;
        } else if is_numeric(&found) || found.is_string() {
            current = Value::String(now.replace(whole, &to_text(&found)));
        }
    }
    current
}

fn expressions<'a>(text: &'a str, results: &Results) -> Vec<Expression<'a>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let after = &rest[dollar + 1..];
        let starts = |name: &&str| {
            after
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        let Some(length) = results.names().find(starts).map(str::len) else {
            rest = after;
            continue;
        };
        let end = after[length..]
            .find([' ', '\t', '\n', '\r', '\u{b}', '\u{c}'])
            .map_or(after.len(), |blank| length + blank);
        let path = path(&after[length..end]);
        if !path.is_empty() {
            found.push(Expression {
                whole: &rest[dollar..=dollar + end],
                name: &after[..length],
                path,
            });
        }
        rest = &after[end..];
    }
    found
}

/// Every `[…]` that is not empty, wherever it stands.
fn path(text: &str) -> Vec<&str> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let after = &rest[open + 1..];
        match after.find(']') {
            Some(0) => rest = after,
            Some(close) => {
                keys.push(&after[..close]);
                rest = &after[close + 1..];
            }
            None => break,
        }
    }
    keys
}

/// The deepest value that the path reaches; a step to null or nowhere ends it.
fn follow(from: Option<&Value>, path: &[&str]) -> Value {
    let mut reached = from.cloned().unwrap_or_default();
    for key in path {
        let next = match &reached {
            Value::String(text) => character(text, key),
            array => set(element(array, key)).cloned(),
        };
        match next {
            Some(next) => reached = next,
            None => break,
        }
    }
    reached
}

/// One byte of a text by its number; negative ones count from the end.
fn character(text: &str, key: &str) -> Option<Value> {
    let number = integer_key(key)?;
    let bytes = text.as_bytes();
    let index = if number < 0 {
        i64::try_from(bytes.len()).ok()? + number
    } else {
        number
    };
    let byte = bytes.get(usize::try_from(index).ok()?)?;
    Some(String::from_utf8_lossy(&[*byte]).into_owned().into())
}
