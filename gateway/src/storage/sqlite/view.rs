//! Jobs for people.

use std::fmt::Write;

use store::sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params_from_iter, types::Value};

use crate::{
    job::{Key, Millis, Outcome, Payload, Standing, State},
    storage::{Filter, JobView, Waiting},
    trace::Trace,
};

const COLUMNS: &str = "id, key, app, member_id, revision, workflow_id, code, document_module, document_entity, \
    document_id, attempts, received, deadline, changed, next_attempt, problem, trace";

/// What [`standing`] reads, in its order.
pub(crate) const STANDING: &str = "state, outcome, payload IS NULL, sealed, source IS NULL, answer IS NOT NULL";

/// The job with this id.
pub(crate) fn get(db: &Connection, id: &str) -> rusqlite::Result<Option<JobView>> {
    let Some(prefix) = Key::prefix_of_id(id) else {
        return Ok(None);
    };
    let (from, to) = range(&prefix);
    db.prepare_cached(&format!(
        "SELECT {COLUMNS}, {STANDING} FROM jobs WHERE key BETWEEN ?1 AND ?2 LIMIT 1"
    ))?
    .query_row([from, to], read)
    .optional()
}

/// Jobs, newest first.
pub(crate) fn list(db: &Connection, filter: &Filter) -> rusqlite::Result<Vec<JobView>> {
    let mut sql = format!("SELECT {COLUMNS}, {STANDING} FROM jobs WHERE 1");
    let mut values: Vec<Value> = Vec::new();
    let mut condition = |text: &str, value: Value| {
        sql.push_str(text);
        values.push(value);
    };
    if let Some(workflow_id) = &filter.workflow_id {
        // A workflow's jobs are neighbours in the key's order.
        let (from, to) = range(&Key::prefix_of_workflow(workflow_id));
        condition(" AND key >= ?", Value::Blob(from));
        condition(" AND key <= ?", Value::Blob(to));
        condition(" AND workflow_id = ?", workflow_id.clone().into());
    }
    if let Some(document_id) = &filter.document_id {
        condition(" AND document_id = ?", document_id.clone().into());
    }
    if let Some(app) = &filter.app {
        condition(" AND app = ?", app.clone().into());
    }
    if let Some(member_id) = &filter.member_id {
        condition(" AND member_id = ?", member_id.clone().into());
    }
    if let Some(code) = &filter.code {
        condition(" AND code = ?", code.clone().into());
    }
    if let Some(outcome) = filter.outcome {
        condition(" AND outcome = ?", i64::from(outcome as u8).into());
    }
    if let Some(received_before) = filter.received_before {
        condition(" AND received < ?", received_before.0.into());
    }
    if let Some(before) = filter.before {
        condition(" AND id < ?", before.into());
    }
    if let Some(state) = filter.state {
        // Literally, so that the planner sees the partial index of parked jobs.
        let _infallible = write!(sql, " AND state = {}", state as u8);
    }
    let _infallible = write!(sql, " ORDER BY id DESC LIMIT {}", filter.limit);
    db.prepare(&sql)?.query_map(params_from_iter(values), read)?.collect()
}

fn range(prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    // No key is as long as this upper bound.
    let to = prefix.iter().copied().chain(std::iter::repeat_n(0xff, 64)).collect();
    (prefix.to_vec(), to)
}

fn read(row: &Row<'_>) -> rusqlite::Result<JobView> {
    let trace: Vec<u8> = row.get(16)?;
    let standing = standing(row, 17)?;
    let document: [Option<String>; 3] = [row.get(7)?, row.get(8)?, row.get(9)?];
    Ok(JobView {
        row: row.get(0)?,
        id: Key::from_bytes(row.get_ref(1)?.as_blob()?)
            .map(|key| key.id())
            .unwrap_or_default(),
        app: row.get(2)?,
        member_id: row.get(3)?,
        revision: row.get(4)?,
        workflow_id: row.get(5)?,
        code: row.get(6)?,
        document_id: document.into_iter().flatten().collect(),
        state: standing.state,
        outcome: standing.outcome,
        attempts: row.get(10)?,
        received: Millis(row.get(11)?),
        deadline: Millis(row.get(12)?),
        changed: Millis(row.get(13)?),
        next_attempt: row.get::<_, Option<i64>>(14)?.map(Millis),
        problem: row.get::<_, Option<String>>(15)?.unwrap_or_default(),
        trace_id: Trace::from_bytes(&trace)
            .map(|trace| trace.id.to_string())
            .unwrap_or_default(),
        payload: standing.payload,
        answered: standing.answered,
    })
}

/// From column `first` on.
pub(crate) fn standing(row: &Row<'_>, first: usize) -> rusqlite::Result<Standing> {
    let (erased, sealed, proved) = (row.get(first + 2)?, row.get(first + 3)?, row.get(first + 4)?);
    Ok(Standing {
        state: State::from_number(row.get(first)?).unwrap_or(State::Parked),
        outcome: row.get::<_, Option<u8>>(first + 1)?.and_then(Outcome::from_number),
        payload: match (erased, sealed) {
            (true, _) => Payload::Erased,
            (false, true) => Payload::Sealed { proved },
            (false, false) => Payload::Properties,
        },
        answered: row.get(first + 5)?,
    })
}

/// Jobs that wait, by state.
pub(crate) fn waiting(db: &Connection) -> rusqlite::Result<Vec<Waiting>> {
    let parked = "SELECT state, count(*), min(changed) FROM jobs WHERE state = 6 GROUP BY state";
    let due = "SELECT state, count(*), min(received) FROM jobs WHERE next_attempt IS NOT NULL GROUP BY state";
    db.prepare_cached(&format!("{due} UNION ALL {parked}"))?
        .query_map([], |row| {
            Ok(Waiting {
                state: State::from_number(row.get(0)?).unwrap_or(State::Parked),
                jobs: row.get::<_, i64>(1)?.unsigned_abs(),
                oldest: Millis(row.get(2)?),
            })
        })?
        .collect()
}
