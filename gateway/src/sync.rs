//! Keeping the snapshot: a long poll, and the last answer in the store for a start without the registrar.

use std::{sync::Arc, time::Duration};

use prost::Message;
use proto::registrar::v1::{SyncRequest, SyncResponse};
use service::{Backoff, Lifecycle, admin::Latch};
use tokio::sync::watch;

use crate::{registrar::Registrar, snapshot::Snapshot, storage::Storage};

const WAIT: Duration = Duration::from_secs(30);
const BACKOFF: Backoff = match Backoff::new(Duration::from_millis(200), Duration::from_secs(30)) {
    Ok(backoff) => backoff,
    Err(_) => panic!("200 ms is less than 30 s"),
};

/// Follows the registrar.
pub(crate) struct Sync {
    pub(crate) registrar: Registrar,
    pub(crate) storage: Storage,
    pub(crate) latest: watch::Sender<Option<Arc<Snapshot>>>,
    /// There is a snapshot.
    pub(crate) latch: Latch,
    pub(crate) lifecycle: Lifecycle,
}

impl Sync {
    /// Takes the snapshot that the store has, if any.
    pub(crate) async fn restore(&self) -> Result<(), store::StoreError> {
        let Some(bytes) = self.storage.reads().snapshot().await? else {
            return Ok(());
        };
        match SyncResponse::decode(&bytes[..]) {
            Ok(response) => self.publish(Snapshot::of(response, None)),
            Err(error) => tracing::warn!(%error, "the stored snapshot can't be read; the registrar will send another"),
        }
        Ok(())
    }

    /// Polls until the soft stop.
    pub(crate) async fn run(self) {
        let stopping = self.lifecycle.stopping();
        let mut failures = 0;
        loop {
            let pause = tokio::select! {
                () = stopping.cancelled() => return,
                polled = self.poll() => match polled {
                    Ok(()) => {
                        failures = 0;
                        continue;
                    }
                    Err(status) => {
                        failures += 1;
                        tracing::warn!(error = status.message(), failures, "the registrar doesn't answer");
                        BACKOFF.delay(failures)
                    }
                },
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn poll(&self) -> Result<(), tonic::Status> {
        let before = self.latest.borrow().clone();
        let request = SyncRequest {
            version: before
                .as_ref()
                .map(|before| before.version().to_owned())
                .unwrap_or_default(),
            known_revisions: before
                .as_ref()
                .map(|before| before.known_revisions())
                .unwrap_or_default(),
            wait_ms: u32::try_from(WAIT.as_millis()).unwrap_or(u32::MAX),
        };
        let response = self.registrar.sync(request).await?;
        if response.unchanged {
            return Ok(());
        }
        let snapshot = Snapshot::of(response, before.as_deref());
        let bytes = snapshot.to_wire().encode_to_vec();
        tracing::info!(version = snapshot.version(), bytes = bytes.len(), "snapshot taken");
        self.publish(snapshot);
        if let Err(error) = self.storage.set_snapshot(bytes).await {
            tracing::warn!(%error, "the snapshot could not be stored: a start without the registrar would have an older one");
        }
        Ok(())
    }

    fn publish(&self, snapshot: Snapshot) {
        self.latest.send_replace(Some(Arc::new(snapshot)));
        self.latch.set(true);
    }
}
