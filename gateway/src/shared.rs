//! What all parts of the service work with.

use std::sync::Arc;

use service::{Lifecycle, SharedClock, Telemetry, seal::Sealer};

use crate::{
    config::Config, health::Health, job::Millis, metrics::Counts, registrar::Registrar, snapshot::Latest,
    storage::Storage,
};

/// What all parts of the service share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) storage: Storage,
    pub(crate) latest: Latest,
    pub(crate) registrar: Registrar,
    pub(crate) sealer: Sealer,
    pub(crate) health: Arc<Health>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) clock: SharedClock,
    pub(crate) telemetry: Telemetry,
    pub(crate) lifecycle: Lifecycle,
}

impl Shared {
    pub(crate) fn now(&self) -> Millis {
        self.clock.now().into()
    }
}
