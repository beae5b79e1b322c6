//! Lifecycle events on their way to the registrar.

use store::postgres::{Connection, Error, Row, text};

use super::{lane, write::count};
use crate::{
    job::Millis,
    storage::{NewEvent, RowId, StoredEvent},
};

/// Stores it, unless it is a repeat of one that is still there.
pub(super) async fn insert(db: &Connection, event: &NewEvent) -> Result<usize, Error> {
    let sql = "INSERT INTO gateway.events (lane, id, digest, app, event, body, received, next_attempt, source) \
        VALUES ($1, nextval('gateway.ids') * 256 + $1::smallint, $2, $3, $4, $5, $6, $6, $7) \
        ON CONFLICT (lane, digest) DO NOTHING";
    // Whose it is, is not known yet.
    let lane = i16::from(event.digest[0]);
    let (digest, sealed) = (event.digest.as_slice(), event.sealed.as_slice());
    let (app, name, source) = (text(&event.app), text(&event.event), text(&event.source));
    db.execute(sql, &[&lane, &digest, &app, &name, &sealed, &event.received.0, &source])
        .await
}

/// What is due at `now`, in the order of arrival.
pub(super) async fn due(db: &Connection, now: Millis, limit: u32) -> Result<Vec<StoredEvent>, Error> {
    let sql = "SELECT id, digest, app, event, body, received, attempts, source FROM gateway.events WHERE next_attempt <= $1 \
        ORDER BY id LIMIT $2";
    let rows = db.query(sql, &[&now.0, &i64::from(limit)]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<StoredEvent, Error> {
    let digest: &[u8] = row.try_get(1)?;
    Ok(StoredEvent {
        row: row.try_get(0)?,
        digest: digest.try_into().unwrap_or_default(),
        app: row.try_get(2)?,
        event: row.try_get(3)?,
        sealed: row.try_get(4)?,
        received: Millis(row.try_get(5)?),
        attempts: row.try_get::<_, i32>(6)?.unsigned_abs(),
        source: row.try_get(7)?,
    })
}

/// When the next one is due.
pub(super) async fn next(db: &Connection) -> Result<Option<Millis>, Error> {
    let next = db.value("SELECT min(next_attempt) FROM gateway.events", &[]).await?;
    Ok(next.map(Millis))
}

/// Erases an event that was handed over, or given up.
pub(super) async fn delete(db: &Connection, row: RowId) -> Result<usize, Error> {
    let sql = "DELETE FROM gateway.events WHERE lane = $1 AND id = $2";
    db.execute(sql, &[&lane::of_row(row), &row]).await
}

/// Writes when the event is due again.
pub(super) async fn delay(db: &Connection, row: RowId, attempts: u32, next: Millis) -> Result<usize, Error> {
    let sql = "UPDATE gateway.events SET attempts = $3, next_attempt = $4 WHERE lane = $1 AND id = $2";
    db.execute(sql, &[&lane::of_row(row), &row, &count(attempts), &next.0])
        .await
}
