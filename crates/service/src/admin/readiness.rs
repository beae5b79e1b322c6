//! Whether a service may get traffic.

use std::sync::Arc;

use tokio::sync::watch;

/// A set of named latches; the service is ready when all are set. Clones share the set.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<watch::Sender<Vec<(&'static str, bool)>>>);

impl Readiness {
    /// No latches: ready.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }

    /// Adds a latch that is not set yet. `name` is shown to people: what the service waits for.
    pub fn latch(&self, name: &'static str) -> Latch {
        let mut index = 0;
        self.0.send_modify(|latches| {
            index = latches.len();
            latches.push((name, false));
        });
        Latch {
            set: self.clone(),
            index,
        }
    }

    /// The latches that are not set.
    pub fn missing(&self) -> Vec<&'static str> {
        self.0
            .borrow()
            .iter()
            .filter(|(_, set)| !set)
            .map(|(name, _)| *name)
            .collect()
    }

    /// Whether all latches are set.
    pub fn is_ready(&self) -> bool {
        self.0.borrow().iter().all(|(_, set)| *set)
    }

    /// Tells of changes; for the gRPC health service.
    pub(crate) fn watch(&self) -> watch::Receiver<Vec<(&'static str, bool)>> {
        self.0.subscribe()
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

/// One condition of readiness.
#[derive(Debug, Clone)]
pub struct Latch {
    set: Readiness,
    index: usize,
}

impl Latch {
    /// Sets or clears the condition.
    pub fn set(&self, ready: bool) {
        self.set.0.send_if_modified(|latches| {
            let before = std::mem::replace(&mut latches[self.index].1, ready);
            before != ready
        });
    }
}
