//! What people do with jobs.

use store::sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params};

use super::{quarantine::DISCARDED, view};
use crate::{
    job::{Action, Deadline, Millis, Outcome, Standing, State},
    storage::{HistoryEntry, Intervention, RowId},
};

/// Entries kept of a job; older ones go.
const ENTRIES: u32 = 20;

/// Does it with the jobs for which it is possible; gives their rows.
pub(crate) fn apply(db: &Connection, intervention: &Intervention) -> rusqlite::Result<Vec<RowId>> {
    let mut changed = Vec::new();
    for row in &intervention.rows {
        let standing = db
            .prepare_cached(&format!("SELECT {} FROM jobs WHERE id = ?1", view::STANDING))?
            .query_row([row], |row| view::standing(row, 0))
            .optional()?;
        if let Some(Ok(state)) = standing.map(|standing: Standing| standing.after(intervention.action)) {
            record(db, *row, intervention)?;
            match intervention.action {
                Action::Replay => replay(db, *row, state, intervention.now)?,
                Action::Discard => discard(db, *row, intervention.now)?,
            }
            changed.push(*row);
        }
    }
    Ok(changed)
}

/// A new budget. A time-out that is still ahead stays the deadline.
fn replay(db: &Connection, row: RowId, state: State, now: Millis) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE jobs SET state = ?2, outcome = NULL, next_attempt = ?3, changed = ?3, problem = NULL, attempts = 0, \
         failures = 0, faulty_since = NULL, sends = 0, sent_second = NULL, timed = timed AND deadline > ?3, \
         deadline = CASE WHEN timed AND deadline > ?3 THEN deadline ELSE ?4 END WHERE id = ?1",
    )?
    .execute(params![row, state as u8, now.0, Deadline::untimed(now).at.0])
    .map(drop)
}

/// A repeat of its callback does not bring it back.
fn discard(db: &Connection, row: RowId, now: Millis) -> rusqlite::Result<()> {
    db.prepare_cached(&format!("UPDATE jobs SET {DISCARDED}, sealed = 0 WHERE id = ?1"))?
        .execute(params![row, now.0])
        .map(drop)
}

fn record(db: &Connection, row: RowId, intervention: &Intervention) -> rusqlite::Result<()> {
    let Intervention {
        action, by, why, now, ..
    } = intervention;
    db.prepare_cached(
        "INSERT INTO history (job, at, action, person, why, state, outcome, attempts, problem) \
         SELECT id, ?2, ?3, ?4, ?5, state, outcome, attempts, problem FROM jobs WHERE id = ?1",
    )?
    .execute(params![row, now.0, *action as u8, by, why])?;
    db.prepare_cached(
        "DELETE FROM history WHERE job = ?1 AND id NOT IN \
         (SELECT id FROM history WHERE job = ?1 ORDER BY id DESC LIMIT ?2)",
    )?
    .execute(params![row, ENTRIES])
    .map(drop)
}

/// What was done with a job, newest first.
pub(crate) fn history(db: &Connection, row: RowId) -> rusqlite::Result<Vec<HistoryEntry>> {
    db.prepare_cached(
        "SELECT at, action, person, why, state, outcome, attempts, problem FROM history WHERE job = ?1 ORDER BY id DESC",
    )?
    .query_map([row], entry)?
    .collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    Ok(HistoryEntry {
        at: Millis(row.get(0)?),
        action: Action::from_number(row.get(1)?).unwrap_or(Action::Replay),
        by: row.get(2)?,
        why: row.get(3)?,
        state: State::from_number(row.get(4)?).unwrap_or(State::Parked),
        outcome: row.get::<_, Option<u8>>(5)?.and_then(Outcome::from_number),
        attempts: row.get(6)?,
        problem: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
    })
}
