//! Lifecycle events on their way to the registrar.

use store::sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use crate::{
    job::Millis,
    storage::{NewEvent, RowId, StoredEvent},
};

/// Stores it, unless it is a repeat of one that is still there.
pub(crate) fn insert(db: &Connection, event: &NewEvent) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "INSERT INTO events (digest, app, event, body, received, next_attempt, source) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT (digest) DO NOTHING",
    )?
    .execute(params![
        event.digest,
        event.app,
        event.event,
        event.sealed,
        event.received.0,
        event.source
    ])
}

/// What is due at `now`, in the order of arrival.
pub(crate) fn due(db: &Connection, now: Millis, limit: u32) -> rusqlite::Result<Vec<StoredEvent>> {
    db.prepare_cached(
        "SELECT id, digest, app, event, body, received, attempts, source FROM events WHERE next_attempt <= ?1 \
         ORDER BY id LIMIT ?2",
    )?
    .query_map(params![now.0, limit], |row| {
        Ok(StoredEvent {
            row: row.get(0)?,
            digest: row.get(1)?,
            app: row.get(2)?,
            event: row.get(3)?,
            sealed: row.get(4)?,
            received: Millis(row.get(5)?),
            attempts: row.get(6)?,
            source: row.get(7)?,
        })
    })?
    .collect()
}

/// When the next one is due.
pub(crate) fn next(db: &Connection) -> rusqlite::Result<Option<Millis>> {
    Ok(db
        .prepare_cached("SELECT min(next_attempt) FROM events")?
        .query_row([], |row| row.get::<_, Option<i64>>(0))
        .optional()?
        .flatten()
        .map(Millis))
}

/// Erases an event that was handed over, or given up.
pub(crate) fn delete(db: &Connection, row: RowId) -> rusqlite::Result<usize> {
    db.prepare_cached("DELETE FROM events WHERE id = ?1")?.execute([row])
}

/// Writes when the event is due again.
pub(crate) fn delay(db: &Connection, row: RowId, attempts: u32, next: Millis) -> rusqlite::Result<usize> {
    db.prepare_cached("UPDATE events SET attempts = ?2, next_attempt = ?3 WHERE id = ?1")?
        .execute(params![row, attempts, next.0])
}
