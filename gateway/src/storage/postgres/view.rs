//! Jobs for people.

use std::fmt::Write;

use store::postgres::{Connection, Error, Row, ToSql, text};

use super::{lane, row};
use crate::{
    job::{Key, Millis, Payload, Standing},
    storage::{Filter, JobView, Waiting},
    trace::Trace,
};

macro_rules! standing {
    () => {
        "state, outcome, payload IS NULL, sealed, source IS NULL, answer IS NOT NULL"
    };
}
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, key, app, member_id, revision, workflow_id, code, document_module, document_entity, document_id, \
             attempts, received, deadline, changed, next_attempt, problem, trace, ",
            standing!(),
            " FROM gateway.jobs ",
            $rest
        )
    };
}

/// For [`standing`].
pub(super) const STANDING_OF: &str = concat!("SELECT ", standing!(), " FROM gateway.jobs WHERE lane = $1 AND id = $2");
pub(super) const OF_ID: &str = select!("WHERE lane = ANY ($1) AND key BETWEEN $2 AND $3 LIMIT 1");
const WAITING: &str = "SELECT state, count(*), min(received) FROM gateway.jobs \
        WHERE next_attempt IS NOT NULL AND state IN (1, 3, 4) GROUP BY state \
    UNION ALL SELECT state, count(*), min(received) FROM gateway.jobs \
        WHERE next_attempt IS NOT NULL AND state = 0 GROUP BY state \
    UNION ALL SELECT state, count(*), min(changed) FROM gateway.jobs WHERE state = 6 GROUP BY state";

/// The job with this id.
pub(super) async fn get(db: &Connection, id: &str) -> Result<Option<JobView>, Error> {
    let Some(prefix) = Key::prefix_of_id(id) else {
        return Ok(None);
    };
    let (from, to) = range(&prefix);
    let row = db.first(OF_ID, &[&lane::all(), &from, &to]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Jobs, newest first: of each lane its newest, and of those the newest.
pub(super) async fn list(db: &Connection, filter: &Filter) -> Result<Vec<JobView>, Error> {
    let lanes = match (&filter.app, &filter.member_id) {
        (Some(app), Some(member_id)) => vec![lane::of(app, member_id)],
        _ => lane::all(),
    };
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let mut values: Vec<Box<dyn ToSql + Sync + Send>> = vec![Box::new(lanes), Box::new(limit)];
    let mut conditions = String::new();
    let mut condition = |column: &str, value: Box<dyn ToSql + Sync + Send>| {
        values.push(value);
        let _infallible = write!(conditions, " AND j.{column} ${}", values.len());
    };
    if let Some(workflow_id) = &filter.workflow_id {
        // A workflow's jobs are neighbours in the key's order.
        let (from, to) = range(&Key::prefix_of_workflow(workflow_id));
        condition("key >=", Box::new(from));
        condition("key <=", Box::new(to));
        condition("workflow_id =", Box::new(text(workflow_id).into_owned()));
    }
    let texts = [
        ("document_id =", &filter.document_id),
        ("app =", &filter.app),
        ("member_id =", &filter.member_id),
        ("code =", &filter.code),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            condition(column, Box::new(text(value).into_owned()));
        }
    }
    if let Some(outcome) = filter.outcome {
        condition("outcome =", Box::new(outcome as i16));
    }
    if let Some(received_before) = filter.received_before {
        condition("received <", Box::new(received_before.0));
    }
    if let Some(before) = filter.before {
        condition("id <", Box::new(before));
    }
    if let Some(state) = filter.state {
        // Literally, so that the planner sees the partial index of parked jobs.
        let _infallible = write!(conditions, " AND j.state = {}", state as u8);
    }
    let sql = format!(
        "SELECT job.* FROM unnest($1::smallint[]) AS l (lane) CROSS JOIN LATERAL ( \
         {} AS j WHERE j.lane = l.lane{conditions} ORDER BY j.id DESC LIMIT $2) AS job ORDER BY job.id DESC LIMIT $2",
        select!("")
    );
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
    let rows = db.query_composed(&sql, &values).await?;
    rows.iter().map(read).collect()
}

fn range(prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    // No key is as long as this upper bound.
    let to = prefix.iter().copied().chain(std::iter::repeat_n(0xff, 64)).collect();
    (prefix.to_vec(), to)
}

fn read(row: &Row) -> Result<JobView, Error> {
    let standing = standing(row, 17)?;
    let document: [Option<String>; 3] = [row.try_get(7)?, row.try_get(8)?, row.try_get(9)?];
    Ok(JobView {
        row: row.try_get(0)?,
        id: row.try_get::<_, Key>(1)?.id(),
        app: row.try_get(2)?,
        member_id: row.try_get(3)?,
        revision: row.try_get(4)?,
        workflow_id: row.try_get(5)?,
        code: row.try_get(6)?,
        document_id: document.into_iter().flatten().collect(),
        state: standing.state,
        outcome: standing.outcome,
        attempts: row::count(row, 10)?,
        received: Millis(row.try_get(11)?),
        deadline: Millis(row.try_get(12)?),
        changed: Millis(row.try_get(13)?),
        next_attempt: row.try_get::<_, Option<i64>>(14)?.map(Millis),
        problem: row.try_get::<_, Option<String>>(15)?.unwrap_or_default(),
        trace_id: row.try_get::<_, Trace>(16)?.id.to_string(),
        payload: standing.payload,
        answered: standing.answered,
    })
}

/// From column `first` on.
pub(super) fn standing(row: &Row, first: usize) -> Result<Standing, Error> {
    let (erased, sealed, proved) = (
        row.try_get(first + 2)?,
        row.try_get(first + 3)?,
        row.try_get(first + 4)?,
    );
    Ok(Standing {
        state: row.try_get(first)?,
        outcome: row.try_get(first + 1)?,
        payload: match (erased, sealed) {
            (true, _) => Payload::Erased,
            (false, true) => Payload::Sealed { proved },
            (false, false) => Payload::Properties,
        },
        answered: row.try_get(first + 5)?,
    })
}

/// Jobs that wait, by state.
pub(super) async fn waiting(db: &Connection) -> Result<Vec<Waiting>, Error> {
    let rows = db.query(WAITING, &[]).await?;
    let waiting = rows.iter().map(|row| {
        Ok(Waiting {
            state: row.try_get(0)?,
            jobs: row.try_get::<_, i64>(1)?.unsigned_abs(),
            oldest: Millis(row.try_get(2)?),
        })
    });
    waiting.collect()
}
