//! Connections that read, beside the one that writes.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{StoreError, open};

/// Reads at once; more wait.
const READERS: usize = 4;

pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: Semaphore,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
            turns: Semaphore::new(READERS),
        }
    }

    pub(crate) fn turns(&self) -> &Semaphore {
        &self.turns
    }

    /// Runs a read on this (blocking) thread.
    pub(crate) fn run<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.idle.lock().pop();
        let db = match idle {
            Some(db) => db,
            None => open::reader(&self.path)?,
        };
        let value = work(&db).map_err(|reason| StoreError::statement(&self.path, reason))?;
        self.idle.lock().push(db);
        Ok(value)
    }
}
