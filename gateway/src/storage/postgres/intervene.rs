//! What people do with jobs.

use store::postgres::{Connection, Error, Row, text};

use super::{lane, quarantine::discarded, row, view};
use crate::{
    job::{Action, Deadline, Millis, Outcome, State},
    storage::{HistoryEntry, Intervention, RowId},
};

/// Entries kept of a job; older ones go.
const ENTRIES: i64 = 20;

/// A new budget. A time-out that is still ahead stays the deadline.
const REPLAY: &str = "UPDATE gateway.jobs SET state = $3, outcome = NULL, next_attempt = $4, changed = $4, problem = NULL, attempts = 0, \
    failures = 0, faulty_since = NULL, sends = 0, sent_second = NULL, timed = timed AND deadline > $4, \
    deadline = CASE WHEN timed AND deadline > $4 THEN deadline ELSE $5 END WHERE lane = $1 AND id = $2";
/// A repeat of its callback does not bring it back.
const DISCARD: &str = concat!(
    "UPDATE gateway.jobs SET ",
    discarded!(),
    ", changed = $3, sealed = false WHERE lane = $1 AND id = $2"
);
const RECORD: &str = "INSERT INTO gateway.history (lane, job, at, action, person, why, state, outcome, attempts, problem) \
    SELECT lane, id, $3, $4, $5, $6, state, outcome, attempts, problem FROM gateway.jobs WHERE lane = $1 AND id = $2";
const SHORTEN: &str = "DELETE FROM gateway.history WHERE lane = $1 AND job = $2 AND id <= \
    (SELECT id FROM gateway.history WHERE lane = $1 AND job = $2 ORDER BY id DESC OFFSET $3 LIMIT 1)";

/// Does it with the jobs for which it is possible; gives their rows.
pub(super) async fn apply(db: &Connection, intervention: &Intervention) -> Result<Vec<RowId>, Error> {
    let mut changed = Vec::new();
    for id in &intervention.rows {
        let lane = lane::of_row(*id);
        let Some(row) = db.first(view::STANDING_OF, &[&lane, id]).await? else {
            continue;
        };
        if let Ok(state) = view::standing(&row, 0)?.after(intervention.action) {
            record(db, *id, intervention).await?;
            let now = intervention.now;
            match intervention.action {
                Action::Replay => {
                    let deadline = Deadline::untimed(now).at.0;
                    db.execute(REPLAY, &[&lane, id, &(state as i16), &now.0, &deadline])
                        .await?
                }
                Action::Discard => db.execute(DISCARD, &[&lane, id, &now.0]).await?,
            };
            changed.push(*id);
        }
    }
    Ok(changed)
}

async fn record(db: &Connection, id: RowId, intervention: &Intervention) -> Result<(), Error> {
    let Intervention {
        action, by, why, now, ..
    } = intervention;
    let lane = lane::of_row(id);
    db.execute(RECORD, &[&lane, &id, &now.0, &(*action as i16), &text(by), &text(why)])
        .await?;
    db.execute(SHORTEN, &[&lane, &id, &ENTRIES]).await.map(drop)
}

/// What was done with a job, newest first.
pub(super) async fn history(db: &Connection, id: RowId) -> Result<Vec<HistoryEntry>, Error> {
    let sql = "SELECT at, action, person, why, state, outcome, attempts, problem FROM gateway.history \
        WHERE lane = $1 AND job = $2 ORDER BY id DESC";
    let rows = db.query(sql, &[&lane::of_row(id), &id]).await?;
    rows.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<HistoryEntry, Error> {
    Ok(HistoryEntry {
        at: Millis(row.try_get(0)?),
        action: row.try_get::<_, Action>(1)?,
        by: row.try_get(2)?,
        why: row.try_get(3)?,
        state: row.try_get::<_, State>(4)?,
        outcome: row.try_get::<_, Option<Outcome>>(5)?,
        attempts: row::count(row, 6)?,
        problem: row.try_get::<_, Option<String>>(7)?.unwrap_or_default(),
    })
}
