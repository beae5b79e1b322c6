//! Jobs that wait in the store.

use crate::job::{Job, Millis, Progress, State};

/// A job's or event's number in the store; grows in the order of acceptance.
pub(crate) type RowId = i64;

/// A job read back.
#[derive(Debug)]
pub(crate) struct StoredJob {
    pub(crate) row: RowId,
    pub(crate) state: State,
    pub(crate) job: Job,
    pub(crate) progress: Progress,
    /// The form pairs of the properties; of a quarantined job the whole body, encrypted.
    pub(crate) payload: Vec<u8>,
    /// When it was last written: when it was received, unless work on it ended before.
    pub(crate) changed: Millis,
    pub(crate) problem: Option<String>,
}

/// What is due, earliest first, and when the next ones are.
pub(crate) struct Due {
    pub(crate) jobs: Vec<StoredJob>,
    /// More was due than asked for.
    pub(crate) more: bool,
    /// The earliest time after `now`.
    pub(crate) next: Option<Millis>,
}
