//! Jobs whose callback is not proved yet.

use std::sync::Arc;

use super::{RowId, StoredJob};
use crate::job::{Job, Millis};

/// A callback to be kept until it is proved.
pub(crate) struct Quarantined {
    pub(crate) job: Job,
    /// The whole body, encrypted.
    pub(crate) sealed: Vec<u8>,
    /// The address that it came from.
    pub(crate) source: String,
}

/// A quarantined job read back.
pub(crate) struct QuarantinedJob {
    pub(crate) stored: StoredJob,
    /// The address that it came from; none: its sender was proved at an earlier look.
    pub(crate) source: Option<String>,
}

/// What is decided about a quarantined job.
pub(crate) struct Decision {
    pub(crate) row: RowId,
    pub(crate) step: Step,
    pub(crate) now: Millis,
    /// When a job that stays is looked at again.
    pub(crate) next: Millis,
}

/// What becomes of a quarantined job; a text says why.
pub(crate) enum Step {
    /// It runs, by this revision, with these form pairs instead of the encrypted body.
    Accept { revision: Arc<str>, pairs: Vec<u8> },
    /// Its sender is proved, so that it no longer counts for its source; what it refers to isn't known yet.
    Proved(String),
    /// It stays.
    Wait(String),
    /// It is forged: only that it was there is kept.
    Discard(String),
    /// It was not proved in time. Its body stays encrypted, for a person's decision; the oldest of those without proof go.
    Park(String),
}

/// What came without proof, callbacks and events: the source of each, and its size in bytes.
pub(crate) type Sources = Vec<(String, u32)>;
