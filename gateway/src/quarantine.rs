//! Callbacks that nobody vouches for yet: bounded, sealed, and looked at again until someone does.

mod places;
mod worker;

use std::sync::Arc;

use rusqlite::Connection;
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

    /// Stores a callback, durably; a repeat is stored already, and leaves its place.
    pub(crate) async fn store(&self, entry: Entry, place: Place) -> Result<(), StoreError> {
        let Entry { job, sealed, source } = entry;
        self.insert(place, move |tx| {
            insert::quarantined(tx, &job, &sealed, job.received, &source)
        })
        .await?;
        self.callbacks.notify_one();
        Ok(())
    }

    /// Stores an event, durably; a repeat is stored already, and leaves its place.
    pub(crate) async fn store_event(&self, event: events::NewEvent, place: Place) -> Result<(), StoreError> {
        self.insert(place, move |tx| events::insert(tx, &event)).await?;
        self.events.notify_one();
        Ok(())
    }

    async fn insert<F>(&self, mut place: Place, insert: F) -> Result<(), StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<bool> + Send + 'static,
    {
        let place = self
            .db
            .write(move |tx| {
                Ok(insert(tx)?.then(|| {
                    place.inserted();
                    place
                }))
            })
            .await?;
        if let Some(place) = place {
            place.keep();
        }
        Ok(())
    }

    /// Counts again what is really there: in the order of the writes, so that each entry is either in the store or on its way.
    pub(crate) async fn recount(&self) -> Result<(), StoreError> {
        let places = self.places.clone();
        self.db
            .write(move |tx| quarantine::sources(tx).map(|sources| places.set(sources)))
            .await
    }

    /// An event came.
    pub(crate) async fn event_came(&self) {
        self.events.notified().await;
    }
}
