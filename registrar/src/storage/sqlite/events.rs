//! Lifecycle events that were handled.

use jiff::Timestamp;
use store::sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use crate::storage::Taken;

pub(crate) fn get(db: &Connection, app: &str, event_id: &str) -> rusqlite::Result<Option<Taken>> {
    db.prepare_cached("SELECT believed, reason FROM events WHERE app = ?1 AND event_id = ?2")?
        .query_row([app, event_id], |row| {
            Ok(Taken {
                believed: row.get(0)?,
                reason: row.get(1)?,
            })
        })
        .optional()
}

pub(crate) fn remember(
    db: &Connection,
    app: &str,
    event_id: &str,
    taken: &Taken,
    at: Timestamp,
) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO events (app, event_id, handled, believed, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![app, event_id, at.as_second(), taken.believed, taken.reason])
}

pub(crate) fn tidy(db: &Connection, events: Timestamp, spent: Timestamp) -> rusqlite::Result<usize> {
    let events = db.execute("DELETE FROM events WHERE handled < ?1", [events.as_second()])?;
    Ok(events + db.execute("DELETE FROM spent_tokens WHERE spent < ?1", [spent.as_second()])?)
}
