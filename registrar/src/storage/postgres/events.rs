//! Lifecycle events that were handled.

use jiff::Timestamp;
use store::postgres::{Connection, Error, text};

use crate::storage::Taken;

pub(super) async fn get(db: &Connection, app: &str, event_id: &str) -> Result<Option<Taken>, Error> {
    let sql = "SELECT believed, reason FROM registrar.events WHERE app = $1 AND event_id = $2";
    let row = db.first(sql, &[&text(app), &text(event_id)]).await?;
    row.map(|row| {
        Ok(Taken {
            believed: row.try_get(0)?,
            reason: row.try_get(1)?,
        })
    })
    .transpose()
}

pub(super) async fn remember(
    db: &Connection,
    app: &str,
    event_id: &str,
    taken: &Taken,
    at: Timestamp,
) -> Result<usize, Error> {
    let sql = "INSERT INTO registrar.events (app, event_id, handled, believed, reason) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT DO NOTHING";
    let (app, event_id, reason) = (text(app), text(event_id), text(&taken.reason));
    db.execute(sql, &[&app, &event_id, &at.as_second(), &taken.believed, &reason])
        .await
}

pub(super) async fn tidy(db: &Connection, events: Timestamp, spent: Timestamp) -> Result<usize, Error> {
    let sql = "DELETE FROM registrar.events WHERE handled < $1";
    let events = db.execute(sql, &[&events.as_second()]).await?;
    let sql = "DELETE FROM registrar.spent_tokens WHERE spent < $1";
    Ok(events + db.execute(sql, &[&spent.as_second()]).await?)
}
