//! Connections that read, beside the one that writes.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{connect, error};
use crate::StoreError;

/// Reads at once; more wait.
const READERS: usize = 4;

/// The reads of a store. Cheap to clone.
#[derive(Clone)]
pub struct Reads(Arc<Inner>);

struct Inner {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Reads {
    pub(super) fn new(path: &Path) -> Self {
        Self(Arc::new(Inner {
            path: path.to_owned(),
            idle: Mutex::default(),
            permits: Semaphore::new(READERS),
        }))
    }

    /// Reads on a connection of its own, off the runtime's threads. It sees everything that was committed before.
    ///
    /// # Errors
    /// [`StoreError::Statement`] when the closure failed.
    pub async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let closed = || StoreError::Closed {
            store: error::name(&self.0.path),
        };
        let _permit = self.0.permits.acquire().await.map_err(|_| closed())?;
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || inner.run(query))
            .await
            .unwrap_or_else(|_| Err(closed()))
    }
}

impl Inner {
    fn run<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.idle.lock().pop();
        let db = match idle {
            Some(db) => db,
            None => connect::reader(&self.path)?,
        };
        let value = query(&db).map_err(|reason| error::statement(&error::name(&self.path), &reason))?;
        self.idle.lock().push(db);
        Ok(value)
    }
}

impl std::fmt::Debug for Reads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reads")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}
