use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use service::grpc::{Balanced, Connection};

use super::{Pass, gate::Gate};
use crate::job::Millis;

/// Connections to executors, by address; made at the first call.
#[derive(Debug)]
pub(crate) struct Executors {
    calls: usize,
    known: Mutex<HashMap<String, Executor>>,
}

/// Connections to an executor's servers, and the way to them.
#[derive(Debug, Clone)]
pub(crate) struct Executor {
    /// Or why its address can't be used.
    pub(super) servers: Result<Balanced, String>,
    gate: Arc<Gate>,
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
    pub(crate) fn get(&self, uri: &str) -> Executor {
        let mut known = self.known.lock();
        if let Some(executor) = known.get(uri) {
            return executor.clone();
        }
        let executor = Executor {
            servers: Balanced::new(uri, &Connection::default()).map_err(|error| error.to_string()),
            gate: Arc::new(Gate::new(self.calls)),
        };
        known.insert(uri.to_owned(), executor.clone());
        executor
    }

    /// Until when the executor at `uri` is left alone, because it can't be reached.
    pub(crate) fn closed(&self, uri: &str, now: Millis) -> Option<Millis> {
        self.known.lock().get(uri)?.gate.closed(now)
    }

    /// Forgets connections to executors that no definition names any more.
    pub(crate) fn retain(&self, named: impl Fn(&str) -> bool) {
        self.known.lock().retain(|uri, _| named(uri));
    }
}

impl Executor {
    /// Waits until a job of the portal may call.
    ///
    /// # Errors
    /// The executor can't be reached: when to ask again.
    pub(crate) async fn enter(&self, portal: u64, now: Millis) -> Result<Pass, Millis> {
        self.gate.enter(portal, now).await
    }
}
