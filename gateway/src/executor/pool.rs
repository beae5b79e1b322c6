use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use service::grpc::{Balanced, ChannelError, Connection};
use tokio::sync::Semaphore;

/// Connections to executors, by address; made at the first call.
#[derive(Debug)]
pub(crate) struct Executors {
    calls: usize,
    known: Mutex<HashMap<String, Executor>>,
}

/// Connections to an executor's servers, and the permits for calls.
#[derive(Debug, Clone)]
pub(super) struct Executor {
    pub(super) servers: Balanced,
    pub(super) permits: Arc<Semaphore>,
}

impl Executors {
    /// With at most `calls` calls to each at once.
    pub(crate) fn new(calls: usize) -> Self {
        Self {
            calls,
            known: Mutex::default(),
        }
    }

    /// The executor at `uri`. To be called on the runtime that calls it.
    pub(super) fn get(&self, uri: &str) -> Result<Executor, ChannelError> {
        let mut known = self.known.lock();
        if let Some(executor) = known.get(uri) {
            return Ok(executor.clone());
        }
        let executor = Executor {
            servers: Balanced::new(uri, &Connection::default())?,
            permits: Arc::new(Semaphore::new(self.calls)),
        };
        known.insert(uri.to_owned(), executor.clone());
        Ok(executor)
    }

    /// Forgets connections to executors that no definition names any more.
    pub(crate) fn retain(&self, named: impl Fn(&str) -> bool) {
        self.known.lock().retain(|uri, _| named(uri));
    }
}
