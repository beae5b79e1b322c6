//! What is old goes.

use store::sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use crate::{
    job::{Millis, State},
    storage::RowId,
};

/// Rows a write: few enough that an accept in the same group doesn't notice.
const ROWS: u32 = 200;

/// See [`Reads::old`](crate::storage::Reads::old). Ids are in the order of acceptance.
pub(crate) fn old(db: &Connection, before: Millis) -> rusqlite::Result<Vec<RowId>> {
    let newest: Option<RowId> = db.query_row("SELECT max(id) FROM jobs", [], |row| row.get(0))?;
    let young: Option<RowId> = db
        .prepare_cached("SELECT id FROM jobs WHERE received >= ?1 ORDER BY id LIMIT 1")?
        .query_row([before.0], |row| row.get(0))
        .optional()?;
    db.prepare_cached("SELECT id FROM jobs WHERE id < ?1 AND changed < ?2 AND state IN (?3, ?4) ORDER BY id LIMIT ?5")?
        .query_map(
            params![
                young.or(newest).unwrap_or_default(),
                before.0,
                State::Sent as u8,
                State::Done as u8,
                ROWS
            ],
            |row| row.get(0),
        )?
        .collect()
}

pub(crate) fn delete(db: &Connection, rows: &[RowId]) -> rusqlite::Result<usize> {
    let mut job = db.prepare_cached("DELETE FROM jobs WHERE id = ?1")?;
    let mut history = db.prepare_cached("DELETE FROM history WHERE job = ?1")?;
    rows.iter()
        .map(|row| {
            history.execute([row])?;
            job.execute([row])
        })
        .sum()
}
