//! Callbacks that nobody vouches for yet: bounded, sealed, and looked at again until someone does.

mod places;
mod worker;

use std::sync::Arc;

use store::{Db, StoreError};
use tokio::sync::Notify;

use self::places::Places;
pub(crate) use self::{places::Place, worker::Worker};
use crate::{
    config::Limits,
    job::Job,
    persist::{events, insert, quarantine},
};

/// The quarantine's door: who may still come in, and the bell for the worker.
pub(crate) struct Quarantine {
    db: Db,
    places: Arc<Places>,
    callbacks: Notify,
    events: Notify,
}

/// A callback to be kept.
pub(crate) struct Entry {
    pub(crate) job: Job,
    /// The whole body.
    pub(crate) sealed: Vec<u8>,
    pub(crate) source: String,
}

impl Quarantine {
    pub(crate) fn new(db: Db, limits: &Limits) -> Self {
        Self {
            db,
            places: Places::new(limits),
            callbacks: Notify::new(),
            events: Notify::new(),
        }
    }

    /// A place for so many bytes from there; `None`: it is full.
    pub(crate) fn place(&self, source: &str, bytes: usize) -> Option<Place> {
        self.places.take(source, bytes)
    }

    /// Stores a callback, durably; false for a repeat.
    pub(crate) async fn store(&self, entry: Entry) -> Result<bool, StoreError> {
        let Entry { job, sealed, source } = entry;
        let stored = self
            .db
            .write(move |tx| insert::quarantined(tx, &job, &sealed, job.received, &source))
            .await?;
        self.callbacks.notify_one();
        Ok(stored)
    }

    /// Stores an event, durably; false for a repeat.
    pub(crate) async fn store_event(&self, event: events::NewEvent) -> Result<bool, StoreError> {
        let stored = self.db.write(move |tx| events::insert(tx, &event)).await?;
        self.events.notify_one();
        Ok(stored)
    }

    /// Counts again what is really there.
    pub(crate) async fn recount(&self) -> Result<(), StoreError> {
        self.places.begin_count();
        let sources = self.db.read(quarantine::sources).await?;
        self.places.set(sources);
        Ok(())
    }

    /// An event came.
    pub(crate) async fn event_came(&self) {
        self.events.notified().await;
    }
}
