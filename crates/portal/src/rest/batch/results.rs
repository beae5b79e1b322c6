//! What the commands of a batch have given so far.

use serde_json::{Map, Value, json};

use crate::{
    context::{Failure, Outcome},
    state::{Account, Portal},
    time_block::Times,
};

/// `result`, `next`, `total`, `time`, `error` and whatever else an answer has, each by command. In this order they are searched for names
/// in a command's text.
#[derive(Debug)]
pub(super) struct Results(Map<String, Value>);

impl Default for Results {
    fn default() -> Self {
        Self(
            ["result", "next", "total", "time", "error"]
                .iter()
                .map(|name| ((*name).to_owned(), json!({})))
                .collect(),
        )
    }
}

impl Results {
    /// Takes an answer in; true if it is an error. An error is found whole under `error`, and its members one by one.
    pub(super) fn add(&mut self, key: &str, mut answer: Map<String, Value>) -> bool {
        let failed = answer.get("error").is_some_and(|error| !error.is_null());
        if failed {
            let whole = Value::Object(answer.clone());
            answer.insert("error".to_owned(), whole);
        }
        for (name, value) in answer {
            if let Value::Object(of_name) = self.0.entry(name).or_insert_with(|| json!({})) {
                of_name.insert(key.to_owned(), value);
            }
        }
        failed
    }

    /// Names in the order in which they are searched for.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What is under a name, spelled exactly.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The batch's result.
    pub(super) fn into_json(mut self) -> Value {
        let mut take = |name: &str| self.0.shift_remove(name).unwrap_or_default();
        json!({
            "result": take("result"),
            "result_error": take("error"),
            "result_total": take("total"),
            "result_next": take("next"),
            "result_time": take("time"),
        })
    }
}

/// An error of the batch's own.
pub(super) fn refused(code: &str, description: &str) -> Map<String, Value> {
    Map::from_iter([
        ("error".to_owned(), code.into()),
        ("error_description".to_owned(), description.into()),
    ])
}

/// An outcome as the body of a single call. PHP errors are not caught.
pub(super) fn answer(
    outcome: Outcome,
    start: i64,
    portal: &Portal,
    operating: Option<Account>,
) -> Result<Map<String, Value>, Failure> {
    let mut body = match outcome {
        Ok(reply) => reply.into_map(),
        Err(failure) => return failure.into_map(),
    };
    let times = Times {
        start,
        processing: start,
        finish: portal.clock.micros(),
    };
    body.insert("time".to_owned(), times.to_json(portal.settings.zone_offset, operating));
    Ok(body)
}
