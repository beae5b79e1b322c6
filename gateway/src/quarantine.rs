//! Callbacks that are not proved yet: bounded, encrypted, and looked at again until they are.

mod places;
mod worker;

use std::sync::Arc;

use store::StoreError;
use tokio::sync::Notify;

use self::places::Places;
pub(crate) use self::{places::Place, worker::Worker};
use crate::{
    config::Limits,
    storage::{NewEvent, Quarantined, Storage},
};

/// What may still be stored, and the signal for the worker.
pub(crate) struct Quarantine {
    storage: Storage,
    places: Arc<Places>,
    callbacks: Notify,
    events: Notify,
}

impl Quarantine {
    pub(crate) fn new(storage: Storage, limits: &Limits) -> Self {
        Self {
            storage,
            places: Places::new(limits),
            callbacks: Notify::new(),
            events: Notify::new(),
        }
    }

    /// A place for `bytes` from this source; `None`: there is none left.
    pub(crate) fn place(&self, source: &str, bytes: usize) -> Option<Place> {
        self.places.take(source, bytes)
    }

    /// Stores a callback, durably; a repeat is stored already, and leaves its place.
    pub(crate) async fn store(&self, callback: Quarantined, place: Place) -> Result<(), StoreError> {
        self.storage.quarantine(callback, |new| place.settle(new)).await?;
        self.callbacks.notify_one();
        Ok(())
    }

    /// Stores an event, durably; a repeat is stored already, and leaves its place.
    pub(crate) async fn store_event(&self, event: NewEvent, place: Place) -> Result<(), StoreError> {
        self.storage.store_event(event, |new| place.settle(new)).await?;
        self.events.notify_one();
        Ok(())
    }

    /// Somebody else may have stored callbacks and events.
    pub(crate) fn wake(&self) {
        self.callbacks.notify_one();
        self.events.notify_one();
    }

    /// Counts again what is really there: in the order of the writes, so that each entry is either in the store or on its way.
    pub(crate) async fn recount(&self) -> Result<(), StoreError> {
        let places = self.places.clone();
        self.storage.count_sources(move |sources| places.set(sources)).await
    }

    /// An event came.
    pub(crate) async fn event_came(&self) {
        self.events.notified().await;
    }
}
