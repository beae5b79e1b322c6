//! Whether the store works.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use service::admin::Latch;

/// Whether the store can be written to, as far as the last write told.
#[derive(Debug)]
pub(crate) struct Health {
    latch: Latch,
    failing: AtomicBool,
}

impl Health {
    pub(crate) fn new(latch: Latch) -> Arc<Self> {
        latch.set(true);
        Arc::new(Self {
            latch,
            failing: AtomicBool::new(false),
        })
    }

    /// A write failed: no more traffic until one succeeds.
    pub(crate) fn failed(&self) {
        self.failing.store(true, Relaxed);
        self.latch.set(false);
    }

    pub(crate) fn works(&self) {
        self.failing.store(false, Relaxed);
        self.latch.set(true);
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }
}
