//! What gateways are told: a snapshot whose version is a digest of its content, so that a restart changes nothing.

use std::{sync::Arc, time::Duration};

use data_encoding::HEXLOWER;
use prost::Message;
use proto::registrar::v1::{Installation, Revision, SyncResponse};
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    definition::Catalog,
    error::Error,
    installation::{self, Installations},
    metrics::Metrics,
    storage::{Storage, StoredRevision},
};

/// Keeps the snapshot up to date and tells who waits for it.
pub(crate) struct Snapshots {
    pub(crate) config: Arc<Config>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) storage: Storage,
    pub(crate) installations: Installations,
    pub(crate) metrics: Metrics,
    /// Told of every change of what a snapshot is made of.
    pub(crate) changes: Arc<Notify>,
    pub(crate) current: watch::Sender<Arc<Snapshot>>,
}

/// All that a gateway needs.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    whole: SyncResponse,
}

impl Snapshots {
    /// Rebuilds the snapshot; those who wait wake up if it differs.
    pub(crate) async fn rebuild(&self) -> Result<(), Error> {
        let installations = self.installations.list(None).await?;
        self.metrics.installations(installations.iter().map(|one| one.state));
        self.metrics.problems(self.catalog.problems(None).len());
        let snapshot = Snapshot::new(&self.config, self.storage.reads().revisions().await?, installations);
        self.current.send_if_modified(|current| {
            let differs = current.whole.version != snapshot.whole.version;
            if differs {
                *current = Arc::new(snapshot);
            }
            differs
        });
        Ok(())
    }

    /// Rebuilds after every change, until the stop; many changes at once make one snapshot.
    pub(crate) async fn run(self: Arc<Self>, stopping: CancellationToken) {
        while stopping.run_until_cancelled(self.changes.notified()).await.is_some() {
            if let Err(error) = self.rebuild().await {
                tracing::error!(%error, "the gateways' snapshot could not be made");
                tokio::time::sleep(Duration::from_secs(1)).await;
                self.changes.notify_one();
            }
        }
    }

    /// The snapshot, as soon as its version is another one than `version`; after `wait`, whichever it is.
    pub(crate) async fn get(&self, version: &str, wait: Duration, stopping: &CancellationToken) -> Arc<Snapshot> {
        let mut current = self.current.subscribe();
        let differs = |snapshot: &Arc<Snapshot>| snapshot.whole.version != version;
        if !wait.is_zero() && !differs(&current.borrow()) {
            let _waiter = self.metrics.waiter();
            let changed = tokio::time::timeout(wait, current.wait_for(differs));
            // A stop ends the wait: the gateway asks again, and meets the next registrar.
            drop(stopping.run_until_cancelled(changed).await);
        }
        self.current.borrow().clone()
    }
}

impl Snapshot {
    fn new(config: &Config, revisions: Vec<StoredRevision>, installations: Vec<installation::Installation>) -> Self {
        let mut whole = SyncResponse {
            version: String::new(),
            unchanged: false,
            revisions: revisions.into_iter().filter_map(|one| revision(config, one)).collect(),
            installations: installations.into_iter().filter_map(|one| entry(config, one)).collect(),
            apps: config.apps.keys().map(ToString::to_string).collect(),
        };
        // A revision stands for its descriptors, but a new program may prune them differently: they count as well.
        whole.version = HEXLOWER.encode(&Sha256::digest(whole.encode_to_vec())[..16]);
        Self { whole }
    }

    /// The answer to a gateway that has `version` and holds the descriptors of the `known` revisions.
    pub(crate) fn answer(&self, version: &str, known: &[String]) -> SyncResponse {
        if self.whole.version == version {
            return SyncResponse {
                version: version.into(),
                unchanged: true,
                ..SyncResponse::default()
            };
        }
        let without_known = |one: &Revision| Revision {
            descriptors: if known.contains(&one.revision) {
                Vec::new()
            } else {
                one.descriptors.clone()
            },
            ..one.clone()
        };
        SyncResponse {
            version: self.whole.version.clone(),
            unchanged: false,
            revisions: self.whole.revisions.iter().map(without_known).collect(),
            installations: self.whole.installations.clone(),
            apps: self.whole.apps.clone(),
        }
    }
}

/// Nothing for an executor that is configured for the app no more: it can't be called.
fn revision(config: &Config, stored: StoredRevision) -> Option<Revision> {
    let executor = config.executors.get(&stored.executor)?;
    config
        .apps
        .get(stored.app.as_str())?
        .has(&stored.executor)
        .then(|| Revision {
            app: stored.app,
            revision: stored.revision,
            executor_uri: executor.uri.clone(),
            descriptors: stored.descriptors,
            allowed_codes: executor.codes.iter().map(ToString::to_string).collect(),
            current: stored.current,
            executor: stored.executor,
        })
}

/// Nothing for an app that is not configured any more.
fn entry(config: &Config, installation: installation::Installation) -> Option<Installation> {
    let (culture, time_zone) = config
        .apps
        .get(installation.key.app.as_str())?
        .dates(&installation.key.member_id);
    Some(Installation {
        in_doubt: installation.is_in_doubt(),
        app: installation.key.app,
        member_id: installation.key.member_id,
        application_token_sha256: installation
            .application_tokens
            .iter()
            .map(|digest| digest.to_vec())
            .collect(),
        client_endpoint: installation.client_endpoint,
        state: installation.state.into(),
        culture,
        time_zone,
    })
}
