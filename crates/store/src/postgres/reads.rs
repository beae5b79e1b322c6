//! Connections that read, beside the one that writes.

use std::{
    future::Future,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Error;

use super::{Connection, connect::Target, error};
use crate::StoreError;

/// Reads at once; more wait.
const READERS: usize = 4;
/// Longest read.
const LONGEST: Duration = Duration::from_secs(30);

/// The reads of a store. Cheap to clone.
#[derive(Clone)]
pub struct Reads(Arc<Inner>);

struct Inner {
    target: Target,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// A connection for one reader; it goes back when it is dropped.
pub struct Lent {
    pool: Arc<Inner>,
    connection: Option<Connection>,
    broken: AtomicBool,
    _permit: OwnedSemaphorePermit,
}

impl Reads {
    pub(super) fn new(target: Target) -> Self {
        Self(Arc::new(Inner {
            target,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(READERS)),
        }))
    }

    /// A connection, which sees everything that was committed before.
    ///
    /// # Errors
    /// The database can't be reached.
    pub async fn lend(&self) -> Result<Lent, StoreError> {
        let closed = |_| StoreError::Closed {
            store: self.0.target.store.clone(),
        };
        let permit = self.0.permits.clone().acquire_owned().await.map_err(closed)?;
        let idle = || self.0.idle.lock().pop();
        let connection = match std::iter::from_fn(idle).find(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => self.0.target.connect().await?,
        };
        Ok(Lent {
            pool: self.0.clone(),
            connection: Some(connection),
            broken: AtomicBool::new(false),
            _permit: permit,
        })
    }
}

impl Lent {
    /// Waits for a query on this connection.
    ///
    /// # Errors
    /// [`StoreError::Statement`] when it failed, [`StoreError::Connect`] when the database did.
    pub async fn run<T>(&self, query: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
        let store = &self.pool.target.store;
        let error = match tokio::time::timeout(LONGEST, query).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(reason)) if !error::spoils_group(&reason) => return Err(error::statement(store, &reason)),
            Ok(Err(reason)) => error::unusable(store, &reason),
            Err(_) => error::silent(store, LONGEST),
        };
        self.broken.store(true, Ordering::Relaxed);
        Err(error)
    }
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("there until it is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let connection = self.connection.take();
        if !self.broken.load(Ordering::Relaxed) {
            self.pool.idle.lock().extend(connection);
        }
    }
}

impl std::fmt::Debug for Reads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reads")
            .field("store", &self.0.target.store)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lent").finish_non_exhaustive()
    }
}
