//! Jobs that nobody vouches for yet.

use rusqlite::{Connection, OptionalExtension, params};

use super::{RowId, StoredJob};
use crate::job::Millis;

/// Parked jobs without proof that are kept for a person: a stranger must not fill the disk with more.
const UNPROVED: u32 = 1000;

/// Sources of what nobody vouches for, to count from: callbacks and events, with their sizes.
pub(crate) fn sources(db: &Connection) -> rusqlite::Result<Vec<(String, u32)>> {
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
pub(crate) fn due(db: &Connection, now: Millis, limit: u32) -> rusqlite::Result<Vec<(StoredJob, String)>> {
    db.prepare_cached(&format!(
        "SELECT {}, source FROM jobs WHERE state = 0 AND next_attempt <= ?1 ORDER BY next_attempt LIMIT ?2",
        StoredJob::COLUMNS
    ))?
    .query_map(params![now.0, limit], |row| {
        Ok((
            StoredJob::read(row)?,
            row.get::<_, Option<String>>("source")?.unwrap_or_default(),
        ))
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

/// A job that was vouched for: due now, with the pairs instead of the sealed body.
pub(crate) fn accept(db: &Connection, row: RowId, revision: &str, pairs: &[u8], now: Millis) -> rusqlite::Result<()> {
    let set = "state = 1, revision = ?2, payload = ?3, next_attempt = ?4, changed = ?4, source = NULL, problem = NULL";
    change(db, set, params![row, revision, pairs, now.0])
}

/// A job that nobody vouched for this time.
pub(crate) fn wait(db: &Connection, row: RowId, next: Millis, problem: &str, now: Millis) -> rusqlite::Result<()> {
    change(
        db,
        "next_attempt = ?2, problem = ?3, changed = ?4",
        params![row, next.0, problem, now.0],
    )
}

/// A job whose sender is proved: it no longer counts for its source, which is how one sees it.
pub(crate) fn proved(db: &Connection, row: RowId, next: Millis, problem: &str, now: Millis) -> rusqlite::Result<()> {
    change(
        db,
        "source = NULL, next_attempt = ?2, problem = ?3, changed = ?4",
        params![row, next.0, problem, now.0],
    )
}

const DISCARDED: &str = "state = 5, outcome = 7, payload = NULL, event_token = '', next_attempt = NULL, changed = ?2";

/// A forged job: only that it was there is kept.
pub(crate) fn discard(db: &Connection, row: RowId, problem: &str, now: Millis) -> rusqlite::Result<()> {
    change(db, &format!("{DISCARDED}, problem = ?3"), params![row, now.0, problem])
}

/// A job that nobody vouched for in time. Its body stays sealed, for a person's decision; the oldest of those without
/// proof go, and their number is returned.
pub(crate) fn park(db: &Connection, row: RowId, problem: &str, now: Millis) -> rusqlite::Result<usize> {
    change(
        db,
        "state = 6, next_attempt = NULL, problem = ?2, changed = ?3",
        params![row, problem, now.0],
    )?;
    db.prepare_cached(&format!(
        "UPDATE jobs SET {DISCARDED} WHERE id IN \
         (SELECT id FROM jobs WHERE state = 6 AND source IS NOT NULL ORDER BY id DESC LIMIT -1 OFFSET ?1)"
    ))?
    .execute(params![UNPROVED, now.0])
}

/// Nothing happens when the job left the quarantine meanwhile: an authentic repeat came.
fn change(db: &Connection, set: &str, params: impl rusqlite::Params) -> rusqlite::Result<()> {
    db.prepare_cached(&format!("UPDATE jobs SET {set} WHERE id = ?1 AND state = 0"))?
        .execute(params)
        .map(drop)
}

/// What is known has changed: everything is to be looked at again.
pub(crate) fn wake(db: &Connection, now: Millis) -> rusqlite::Result<usize> {
    db.execute(
        "UPDATE jobs SET next_attempt = ?1 WHERE state = 0 AND next_attempt > ?1",
        params![now.0],
    )
}
