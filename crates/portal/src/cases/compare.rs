//! Is it what the server answered? The order of keys counts, as PHP's arrays are ordered.

use serde_json::{Map, Value};

use super::{After, Expect, world};
use crate::{
    context::{Body, Response},
    php::json,
};

/// The response, without the `time` blocks.
pub(super) fn response(expect: &Expect, response: &Response) -> Result<(), String> {
    if response.status != expect.http {
        return Err(format!(
            "HTTP {} instead of {}: {:?}",
            response.status, expect.http, response.body
        ));
    }
    match &response.body {
        Body::Json(body) => {
            if expect.not_json {
                return Err(format!("JSON instead of a PHP error: {body}"));
            }
            same("body", &Value::Object(expect.body.clone()), body)
        }
        Body::Other { text, .. } => match &expect.php {
            Some(class) if text.contains(class.as_str()) => Ok(()),
            _ if expect.not_json && expect.php.is_none() => Ok(()),
            _ => Err(format!("not JSON: {text}")),
        },
    }
}

/// The rows of activities and placements. PHP printed what it had read of them: whether an empty column was a list or a map is lost there.
pub(super) fn stored(expect: &Expect, before: &Value, after: &Value) -> Result<(), String> {
    if expect.stored_unchanged {
        same("stored rows, which must not change", before, after)?;
    }
    expect.stored.as_ref().map_or(Ok(()), |stored| {
        same("stored rows", stored, &json::output(after.clone()))
    })
}

/// The effects of the background jobs.
pub(super) fn after(after: &After, before: &world::Marks, world: &world::World) -> Result<(), String> {
    let marks = world.marks();
    let flag = |what: &str, expected: Option<bool>, actual: bool| match expected {
        Some(expected) if expected != actual => Err(format!("after the jobs: {what} is {actual}")),
        _ => Ok(()),
    };
    flag("instance_row", after.instance_row, marks.instance_row)?;
    flag("next_step_called", after.next_step_called, marks.calls > before.calls)?;
    flag("lock_held_after", after.lock_held, marks.lock_held)?;
    flag(
        "modified_changed",
        after.modified_changed,
        marks.modified != before.modified,
    )?;
    let written = marks.log.get(before.log.len()..).unwrap_or_default();
    match &after.log {
        Some(log) if log != written => Err(format!("after the jobs: the log got {written:?} instead of {log:?}")),
        _ => Ok(()),
    }
}

fn same(what: &str, expected: &Value, actual: &Value) -> Result<(), String> {
    // Texts, because equality of maps ignores their order.
    let (expected, actual) = (
        untimed(expected.clone()).to_string(),
        untimed(actual.clone()).to_string(),
    );
    if expected == actual {
        Ok(())
    } else {
        Err(format!("{what}: {} instead of {}", short(&actual), short(&expected)))
    }
}

/// Without `time` beside a `result`, and `result_time` of batches.
fn untimed(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let is_batch = map.contains_key("result_error");
            let is_envelope = map.contains_key("result");
            let kept = map
                .into_iter()
                .filter(|(key, _)| !(is_batch && key == "result_time" || is_envelope && key == "time"));
            Value::Object(kept.map(|(key, value)| (key, untimed(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(untimed).collect()),
        other => other,
    }
}

fn short(text: &str) -> String {
    const LIMIT: usize = 400;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
