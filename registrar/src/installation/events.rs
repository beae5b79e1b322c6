//! Lifecycle events that were handled: the gateway hands an event on until it is answered, so it may come twice.

use jiff::{SignedDuration, Timestamp};
use store::{
    Db,
    rusqlite::{OptionalExtension, params},
};

use crate::error::Error;

/// As long as a gateway keeps an event.
const KEEP_EVENTS: SignedDuration = SignedDuration::from_hours(8 * 24);
/// A replayed request is proved by its access token, which lives an hour; spent tokens need not be known much longer.
const KEEP_SPENT: SignedDuration = SignedDuration::from_hours(2 * 24);

/// The events that were handled.
#[derive(Clone)]
pub(crate) struct Events {
    db: Db,
}

/// How an event was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Whether it was believed.
    pub(crate) believed: bool,
    /// Why not, for people.
    pub(crate) reason: String,
}

impl Events {
    /// In this store.
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// How the event was taken when it came before.
    pub(crate) async fn get(&self, app: &str, event_id: &str) -> Result<Option<Taken>, Error> {
        let (app, event_id) = (app.to_owned(), event_id.to_owned());
        let read = self.db.read(move |db| {
            db.prepare_cached("SELECT believed, reason FROM events WHERE app = ?1 AND event_id = ?2")?
                .query_row([app, event_id], |row| {
                    Ok(Taken {
                        believed: row.get(0)?,
                        reason: row.get(1)?,
                    })
                })
                .optional()
        });
        Ok(read.await?)
    }

    /// Remembers how an event was taken.
    pub(crate) async fn put(&self, app: &str, event_id: &str, taken: &Taken, at: Timestamp) -> Result<(), Error> {
        let (app, event_id, taken) = (app.to_owned(), event_id.to_owned(), taken.clone());
        let write = self.db.write(move |tx| {
            tx.prepare_cached(
                "INSERT OR IGNORE INTO events (app, event_id, handled, believed, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![app, event_id, at.as_second(), taken.believed, taken.reason])
        });
        write.await?;
        Ok(())
    }

    /// Forgets what can't come again.
    pub(crate) async fn tidy(&self, now: Timestamp) -> Result<(), Error> {
        let (events, spent) = ((now - KEEP_EVENTS).as_second(), (now - KEEP_SPENT).as_second());
        let write = self.db.write(move |tx| {
            tx.execute("DELETE FROM events WHERE handled < ?1", [events])?;
            tx.execute("DELETE FROM spent_tokens WHERE spent < ?1", [spent])
        });
        write.await?;
        Ok(())
    }
}
