//! The work on what is stored, while it is this process's: jobs run, callbacks are proved, events handed over.

use std::{sync::Arc, time::Duration};

use store::StoreError;

use crate::{
    engine::Engine,
    events::Events,
    quarantine::{Quarantine, Worker},
    shared::Shared,
};

/// After a failure of the store.
const PAUSE: Duration = Duration::from_secs(1);
/// What other processes store meanwhile is looked at together.
const GATHER: Duration = Duration::from_millis(20);

/// The work, with all it needs.
pub(crate) struct Work {
    pub(crate) shared: Arc<Shared>,
    pub(crate) engine: Engine,
    pub(crate) quarantine: Arc<Quarantine>,
}

impl Work {
    /// Begins when the work is this process's, and runs until the soft stop, which comes when another process takes over.
    pub(crate) async fn run(self) {
        let stopping = self.shared.lifecycle.stopping();
        if stopping.run_until_cancelled(self.begin()).await.is_none() {
            return;
        }
        let work = self.shared.storage.work();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                // The program says why it ends.
                () = work.lost() => return self.shared.lifecycle.stop(),
                () = work.woken() => {
                    self.engine.wake_all();
                    self.quarantine.wake();
                    tokio::time::sleep(GATHER).await;
                }
            }
        }
    }

    async fn begin(&self) {
        self.shared.storage.work().taken().await;
        while let Err(error) = self.recover().await {
            tracing::error!(%error, "the jobs in the store can't be taken up");
            tokio::time::sleep(PAUSE).await;
        }
        let lifecycle = &self.shared.lifecycle;
        lifecycle.spawn("loader", self.engine.clone().load());
        lifecycle.spawn("installations", self.engine.clone().watch_installations());
        let worker = Worker {
            shared: self.shared.clone(),
            quarantine: self.quarantine.clone(),
            engine: self.engine.clone(),
        };
        lifecycle.spawn("quarantine", worker.run());
        let events = Events {
            shared: self.shared.clone(),
            quarantine: self.quarantine.clone(),
        };
        lifecycle.spawn("events", events.run());
    }

    /// Makes due what the process before had in memory.
    async fn recover(&self) -> Result<(), StoreError> {
        let storage = &self.shared.storage;
        let recovered = storage.recover(self.shared.now()).await?;
        if recovered > 0 {
            tracing::info!(jobs = recovered, "jobs of the process before begin again");
        }
        self.engine.begin(storage.reads().newest().await?);
        Ok(())
    }
}
