//! Runs cases taken from the real server against the emulator: one JSON object a line, as in `tests/fixtures/server-cases.jsonl`.
//!
//! A case has a `context` (who calls), a `setup` (earlier calls, workflows, rows), a call (`method`, `params`) and what is to be expected: the
//! response, the stored rows, the effects of the background jobs. Everything goes through the dispatcher that also serves HTTP; only the
//! probe methods of batch cases are added.

mod compare;
mod probe;
mod rows;
mod seed;
mod world;

use std::io::BufRead;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One line of the file.
#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    #[serde(default)]
    kind: String,
    method: String,
    context: Caller,
    #[serde(default)]
    setup: Vec<Map<String, Value>>,
    params: Value,
    expect: Expect,
    #[serde(default)]
    after_background_jobs: Option<After>,
}

/// Who calls, on which portal.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Caller {
    client_id: Option<String>,
    admin: bool,
    scope: Option<String>,
    security_filter: bool,
    signer_default_key: Option<String>,
    crypto_key: Option<String>,
    portal_zone: Option<String>,
    culture: Option<String>,
    user_zone_offset: i32,
}

/// The response and the stored rows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Expect {
    http: u16,
    not_json: bool,
    php: Option<String>,
    stored: Option<Value>,
    stored_unchanged: bool,
    /// `result`, `total`, `next`, or `error`, `error_description` and more.
    #[serde(flatten)]
    body: Map<String, Value>,
}

/// What the background jobs have done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct After {
    instance_row: Option<bool>,
    next_step_called: Option<bool>,
    log: Option<Vec<String>>,
    #[serde(rename = "lock_held_after")]
    lock_held: Option<bool>,
    modified_changed: Option<bool>,
}

/// Identity of a case: its id, and its kind for counting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id {
    /// `id` of the line, or `line N` when the line can't be read.
    pub id: String,
    /// `registry`, `token`, `batch`, `batch_filter` or `instances`.
    pub kind: String,
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)
    }
}

/// Runs the cases one by one; each starts with a fresh portal. The error says in what the emulator differs. Empty lines are skipped.
pub fn run(reader: impl BufRead) -> impl Iterator<Item = (Id, Result<(), String>)> {
    reader.lines().enumerate().filter_map(|(index, line)| {
        let unreadable = |why: String| {
            (
                Id {
                    id: format!("line {}", index + 1),
                    kind: String::new(),
                },
                Err(why),
            )
        };
        let line = match line {
            Ok(line) if line.trim().is_empty() => return None,
            Ok(line) => line,
            Err(error) => return Some(unreadable(error.to_string())),
        };
        Some(match serde_json::from_str::<Case>(&line) {
            Ok(case) => {
                let outcome = one(&case);
                (
                    Id {
                        id: case.id,
                        kind: case.kind,
                    },
                    outcome,
                )
            }
            Err(error) => unreadable(format!("is no case: {error}")),
        })
    })
}

fn one(case: &Case) -> Result<(), String> {
    let mut world = world::World::new(&case.context);
    for step in &case.setup {
        world.set_up(step)?;
    }
    let before = world.stored();
    let marks = world.marks();
    let response = world.call(&case.context, &case.method, &case.params);
    compare::response(&case.expect, &response)?;
    world.run_jobs();
    compare::stored(&case.expect, &before, &world.stored())?;
    case.after_background_jobs
        .as_ref()
        .map_or(Ok(()), |after| compare::after(after, &marks, &world))
}
