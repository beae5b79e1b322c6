//! Methods that exist only in cases: they show what a method of a batch is called with.

use serde_json::{Value, json};

use crate::{
    context::{Failure, Outcome, Params, Reply},
    php::cast::to_text,
};

/// `oracle.echo` gives its parameters back, `oracle.value` the JSON it was given, `oracle.fail` an error.
pub(super) fn call(method: &str, params: &Params, start: i64) -> Option<Outcome> {
    let text = |key: &str, default: &str| {
        params
            .get(key)
            .map_or_else(|| default.to_owned(), |value| to_text(value).into_owned())
    };
    match method {
        "oracle.echo" => Some(Ok(Reply::new(json!({"params": params, "start": start})))),
        "oracle.value" => Some(Ok(Reply::new(
            serde_json::from_str(&text("json", "null")).unwrap_or(Value::Null),
        ))),
        "oracle.fail" => Some(Err(Failure::bad(text("code", "E1"), text("text", "boom")))),
        _ => None,
    }
}
