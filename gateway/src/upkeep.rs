//! What is done every now and then: the store's health, and, where the work is this process's, the mark of what is settled, numbers,
//! retention.

use std::{sync::Arc, time::Duration};

use store::StoreError;

use crate::{
    engine::Engine,
    job::{Millis, State},
    quarantine::Quarantine,
    shared::Shared,
    storage::RowId,
};

const TICK: Duration = Duration::from_secs(1);
/// Ticks between counts of waiting jobs.
const COUNT: u32 = 5;
/// Ticks between looks for what is old.
const RETENTION: u32 = 600;

/// The upkeep, with all it needs.
pub(crate) struct Upkeep {
    pub(crate) shared: Arc<Shared>,
    pub(crate) engine: Engine,
    pub(crate) quarantine: Arc<Quarantine>,
}

impl Upkeep {
    /// Runs until the soft stop.
    pub(crate) async fn run(self) {
        let stopping = self.shared.lifecycle.stopping();
        let mut settled = 0;
        for tick in 0_u32.. {
            let works = self.shared.storage.work().is_ours();
            self.shared.counts.works(works);
            if works {
                settled = self.settle(settled).await;
            } else {
                self.probe().await;
            }
            if tick.is_multiple_of(COUNT) {
                let counted = if works {
                    self.count().await
                } else {
                    // Who works frees the places.
                    self.quarantine.recount().await
                };
                if let Err(error) = counted {
                    tracing::warn!(%error, "what waits could not be counted");
                }
                self.engine.forget_executors();
            }
            if tick.is_multiple_of(RETENTION)
                && works
                && let Err(error) = self.forget().await
            {
                tracing::warn!(%error, "old jobs could not be deleted");
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Sees whether the store works again.
    async fn probe(&self) {
        if self.shared.health.is_failing() && self.quarantine.recount().await.is_ok() {
            self.shared.health.works();
        }
    }

    /// Stores the mark of what is settled when it moved, or to see whether the store works again.
    async fn settle(&self, before: RowId) -> RowId {
        let settled = self.engine.settled();
        if settled <= before && !self.shared.health.is_failing() {
            return before;
        }
        match self.shared.storage.set_settled(settled).await {
            Ok(()) => {
                self.shared.health.works();
                settled
            }
            // It is told elsewhere.
            Err(StoreError::TakenOver { .. }) => before,
            Err(error) => {
                self.shared.health.failed(&error);
                before
            }
        }
    }

    async fn count(&self) -> Result<(), StoreError> {
        let waiting = self.shared.storage.reads().waiting().await?;
        let now = self.shared.now();
        for state in [
            State::Quarantined,
            State::Accepted,
            State::AnsweredUnsent,
            State::Sent,
            State::Parked,
        ] {
            let found = waiting.iter().find(|found| found.state == state);
            let (mut jobs, oldest) = found.map_or((0, now), |found| (found.jobs, found.oldest));
            if state == State::Accepted {
                jobs = jobs.max(self.engine.jobs() as u64);
            }
            self.shared.counts.waiting(state, jobs, now.since(oldest));
        }
        Ok(())
    }

    async fn forget(&self) -> Result<(), StoreError> {
        let now = self.shared.now();
        let keep = i64::try_from(self.shared.config.retention.as_millis()).unwrap_or(i64::MAX);
        let before = Millis(now.0.saturating_sub(keep));
        loop {
            let rows = self.shared.storage.reads().old(before).await?;
            if rows.is_empty() || self.shared.lifecycle.is_stopping() {
                return Ok(());
            }
            self.shared.storage.forget(rows).await?;
        }
    }
}
