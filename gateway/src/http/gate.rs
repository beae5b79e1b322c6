use std::sync::Arc;

use super::{body::Buffers, requests::Requests};
use crate::{engine::Engine, quarantine::Quarantine, shared::Shared};

/// What the handlers need.
pub(crate) struct Gate {
    pub(crate) shared: Arc<Shared>,
    pub(crate) engine: Engine,
    pub(crate) quarantine: Arc<Quarantine>,
    pub(crate) buffers: Buffers,
    pub(crate) requests: Requests,
}
