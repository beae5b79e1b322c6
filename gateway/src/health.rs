//! Whether the store works.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use service::admin::Latch;
use store::StoreError;

/// Whether the store can be written to, as far as the last write told.
#[derive(Debug)]
pub(crate) struct Health {
    latch: Latch,
    /// Writes that failed since one succeeded.
    failures: AtomicU64,
}

impl Health {
    pub(crate) fn new(latch: Latch) -> Arc<Self> {
        latch.set(true);
        Arc::new(Self {
            latch,
            failures: AtomicU64::new(0),
        })
    }

    /// A write failed: no more traffic until one succeeds. The log tells it once, not for each write on a full disk.
    pub(crate) fn failed(&self, error: &StoreError) {
        if self.failures.fetch_add(1, Relaxed) == 0 {
            tracing::error!(%error, "the store does not work: posts are refused until it does");
        }
        self.latch.set(false);
    }

    pub(crate) fn works(&self) {
        let failures = self.failures.swap(0, Relaxed);
        if failures > 0 {
            tracing::info!(failures, "the store works again");
        }
        self.latch.set(true);
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failures.load(Relaxed) > 0
    }
}
