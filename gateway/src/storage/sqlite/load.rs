//! Jobs that wait in the store.

use store::sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use super::{meta, row};
use crate::{
    job::{Millis, State},
    storage::{Due, RowId},
};

const WAITING: [State; 3] = [State::Accepted, State::AnsweredUnsent, State::Sent];

/// Up to `limit` jobs that are due at `now`, without those for which `held` is true.
pub(crate) fn due(db: &Connection, now: Millis, limit: usize, held: impl Fn(RowId) -> bool) -> rusqlite::Result<Due> {
    let mut found: Vec<(Millis, RowId)> = Vec::new();
    let mut next = None;
    for state in WAITING {
        let mut ids = db.prepare_cached(
            "SELECT next_attempt, id FROM jobs WHERE state = ?1 AND next_attempt <= ?2 ORDER BY next_attempt",
        )?;
        let free = ids
            .query_map(params![state as u8, now.0], |row| {
                Ok((Millis(row.get(0)?), row.get(1)?))
            })?
            .filter(|item| item.as_ref().map_or(true, |(_, row)| !held(*row)))
            .take(limit + 1);
        for item in free {
            found.push(item?);
        }
        let later: Option<i64> = db
            .prepare_cached("SELECT min(next_attempt) FROM jobs WHERE state = ?1 AND next_attempt > ?2")?
            .query_row(params![state as u8, now.0], |row| row.get(0))
            .optional()?
            .flatten();
        next = next.into_iter().chain(later.map(Millis)).min();
    }
    found.sort_unstable();
    let more = found.len() > limit;
    found.truncate(limit);
    let mut one = db.prepare_cached(&format!("SELECT {} FROM jobs WHERE id = ?1", row::COLUMNS))?;
    let jobs = found
        .iter()
        .map(|(_, row)| one.query_row([row], row::read))
        .collect::<Result<_, _>>()?;
    Ok(Due { jobs, more, next })
}

/// The newest job's number.
pub(crate) fn newest(db: &Connection) -> rusqlite::Result<RowId> {
    db.query_row("SELECT coalesce(max(id), 0) FROM jobs", [], |row| row.get(0))
}

/// Makes due what the process before had in memory: accepted or sent, without a time in the store, not below the last mark of
/// what was settled. Gives their number.
pub(crate) fn recover(db: &Connection, now: Millis) -> rusqlite::Result<usize> {
    let settled = meta::settled(db)?;
    db.execute(
        "UPDATE jobs SET next_attempt = ?1 WHERE id >= ?2 AND next_attempt IS NULL \
         AND (state = ?3 OR (state = ?4 AND sent_second IS NOT NULL))",
        params![now.0, settled, State::Accepted as u8, State::Sent as u8],
    )
}
