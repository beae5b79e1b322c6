//! Jobs whose callback is not proved yet.

use store::sqlite::rusqlite::{self, Connection, OptionalExtension, Params, params};

use super::row;
use crate::{
    job::Millis,
    storage::{Decision, QuarantinedJob, Sources, Step},
};

/// Parked jobs without proof that are kept for a person: a stranger must not fill the disk with more.
const UNPROVED: u32 = 1000;

/// What is set for a discarded job; `?2` is now.
pub(super) const DISCARDED: &str = "state = 5, outcome = 7, payload = NULL, event_token = '', answer = NULL, \
    answer_error = NULL, next_attempt = NULL, changed = ?2";

/// What came without proof, callbacks and events.
pub(crate) fn sources(db: &Connection) -> rusqlite::Result<Sources> {
    db.prepare_cached(
        "SELECT source, length(payload) FROM jobs WHERE state = 0 AND next_attempt IS NOT NULL AND source IS NOT NULL \
         UNION ALL SELECT source, length(body) FROM events",
    )?
    .query_map([], |row| {
        Ok((row.get(0)?, row.get::<_, Option<u32>>(1)?.unwrap_or_default()))
    })?
    .collect()
}

/// What is to be looked at again at `now`, earliest first.
pub(crate) fn due(db: &Connection, now: Millis, limit: u32) -> rusqlite::Result<Vec<QuarantinedJob>> {
    db.prepare_cached(&format!(
        "SELECT {}, source FROM jobs WHERE state = 0 AND next_attempt <= ?1 ORDER BY next_attempt LIMIT ?2",
        row::COLUMNS
    ))?
    .query_map(params![now.0, limit], |row| {
        Ok(QuarantinedJob {
            stored: row::read(row)?,
            source: row.get("source")?,
        })
    })?
    .collect()
}

/// When the next one is due.
pub(crate) fn next(db: &Connection) -> rusqlite::Result<Option<Millis>> {
    Ok(db
        .prepare_cached("SELECT min(next_attempt) FROM jobs WHERE state = 0 AND next_attempt IS NOT NULL")?
        .query_row([], |row| row.get::<_, Option<i64>>(0))
        .optional()?
        .flatten()
        .map(Millis))
}

/// Writes a decision; gives how many parked jobs had to go for it.
pub(crate) fn decide(db: &Connection, decision: &Decision) -> rusqlite::Result<usize> {
    let (row, now, next) = (decision.row, decision.now.0, decision.next.0);
    match &decision.step {
        Step::Accept { revision, pairs } => {
            let set = "state = 1, revision = ?2, payload = ?3, next_attempt = ?4, changed = ?4, source = NULL, \
                problem = NULL, sealed = 0";
            change(db, set, params![row, revision, pairs, now])?;
        }
        Step::Wait(problem) => {
            let set = "next_attempt = ?2, problem = ?3, changed = ?4";
            change(db, set, params![row, next, problem, now])?;
        }
        // One sees by the missing source that it is proved.
        Step::Proved(problem) => {
            let set = "source = NULL, next_attempt = ?2, problem = ?3, changed = ?4";
            change(db, set, params![row, next, problem, now])?;
        }
        Step::Discard(problem) => {
            let set = format!("{DISCARDED}, problem = ?3");
            change(db, &set, params![row, now, problem])?;
        }
        Step::Park(problem) => {
            let set = "state = 6, next_attempt = NULL, problem = ?2, changed = ?3";
            change(db, set, params![row, problem, now])?;
            return evict(db, decision.now);
        }
    }
    Ok(0)
}

/// The oldest parked jobs without proof go.
fn evict(db: &Connection, now: Millis) -> rusqlite::Result<usize> {
    db.prepare_cached(&format!(
        "UPDATE jobs SET {DISCARDED} WHERE id IN \
         (SELECT id FROM jobs WHERE state = 6 AND source IS NOT NULL ORDER BY id DESC LIMIT -1 OFFSET ?1)"
    ))?
    .execute(params![UNPROVED, now.0])
}

/// Nothing happens when the job left the quarantine meanwhile: an authentic repeat came.
fn change(db: &Connection, set: &str, params: impl Params) -> rusqlite::Result<()> {
    db.prepare_cached(&format!("UPDATE jobs SET {set} WHERE id = ?1 AND state = 0"))?
        .execute(params)
        .map(drop)
}

/// Everything is to be looked at again.
pub(crate) fn wake(db: &Connection, now: Millis) -> rusqlite::Result<usize> {
    db.execute(
        "UPDATE jobs SET next_attempt = ?1 WHERE state = 0 AND next_attempt > ?1",
        params![now.0],
    )
}
