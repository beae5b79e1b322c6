//! Readings of workflows: `bizproc.workflow.instances`.

use std::{collections::HashMap, sync::Arc};

use bitrix::rest::Command;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Row;

pub(super) const METHOD: &str = "bizproc.workflow.instances";
/// Rows of a page of its reply: no more ids are asked for at once.
pub(crate) const PAGE: usize = 50;

/// Whether workflows of this id can be read. The portal compares by a pattern of which `%` and `_` are parts, and takes no
/// longer id.
pub(crate) fn is_readable(workflow_id: &str) -> bool {
    (1..=32).contains(&workflow_id.len())
        && workflow_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

/// It is not counted, which costs the portal a query. The columns are those that it gives unasked.
pub(super) fn params(ids: &[Arc<str>]) -> Value {
    let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
    json!({"FILTER": {"ID": ids}, "start": -1})
}

/// The same in a batch.
pub(super) fn command(ids: &[Arc<str>]) -> Command {
    let command = Command::new(METHOD).text("start", "-1");
    let ids = ids.iter().enumerate();
    ids.fold(command, |command, (at, id)| {
        command.text(&format!("FILTER[ID][{at}]"), id)
    })
}

/// The rows of a reply. Ids in lower case: the portal compares so.
pub(super) fn read(result: &Value) -> Result<HashMap<String, Row>, &'static str> {
    let rows = result.as_array().ok_or("the list of workflows is none")?;
    rows.iter()
        .map(|row| {
            let text = |name| row.get(name).and_then(Value::as_str);
            let id = text("ID").ok_or("a workflow in the list has no ID")?;
            let locked = text("OWNED_UNTIL").is_some_and(|until| !until.is_empty());
            let saved = text("MODIFIED")
                .and_then(|time| time.parse::<Timestamp>().ok())
                .ok_or("a workflow in the list has no time in MODIFIED")?;
            let row = if locked {
                Row::Locked
            } else {
                Row::Free {
                    saved: saved.as_second(),
                }
            };
            Ok((id.to_ascii_lowercase(), row))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        let result = json!([
            {"ID": "65808F8311b626.28237158", "MODIFIED": "2026-11-24T10:00:00+03:00", "OWNED_UNTIL": null},
            {"ID": "b", "MODIFIED": "2026-11-24T10:00:00+03:00", "OWNED_UNTIL": "2026-11-24T10:05:00+03:00"},
        ]);
        let rows = read(&result).unwrap();
        assert_eq!(rows["65808f8311b626.28237158"], Row::Free { saved: 1_795_503_600 });
        assert_eq!(rows["b"], Row::Locked);
        assert_eq!(read(&json!([])).unwrap().len(), 0);
        for odd in [
            json!({}),
            json!(null),
            json!([{}]),
            json!([{"ID": "a", "MODIFIED": "24.11.2026"}]),
        ] {
            assert!(read(&odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn patterns_are_not_asked_for() {
        assert!(is_readable("65808f8311b626.28237158"));
        for id in ["", "65808f_311b626", "%", "a b", &"a".repeat(33)] {
            assert!(!is_readable(id), "{id}");
        }
    }
}
