//! Single values.

use store::sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use crate::storage::RowId;

fn get(db: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    db.prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn set(db: &Connection, name: &str, value: &[u8]) -> rusqlite::Result<usize> {
    db.prepare_cached("INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2")?
        .execute(params![name, value])
}

/// The last snapshot, as the registrar sent it.
pub(crate) fn snapshot(db: &Connection) -> rusqlite::Result<Option<Vec<u8>>> {
    get(db, "snapshot")
}

pub(crate) fn set_snapshot(db: &Connection, snapshot: &[u8]) -> rusqlite::Result<usize> {
    set(db, "snapshot", snapshot)
}

/// All jobs with a smaller id and no `next_attempt` are over.
pub(crate) fn settled(db: &Connection) -> rusqlite::Result<RowId> {
    Ok(get(db, "settled")?
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, RowId::from_be_bytes))
}

pub(crate) fn set_settled(db: &Connection, row: RowId) -> rusqlite::Result<usize> {
    set(db, "settled", &row.to_be_bytes())
}
