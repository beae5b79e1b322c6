//! Jobs that wait in the store.

use std::sync::Arc;

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

/// Jobs that wait for each other: those of an app on a portal that were made for one revision of an executor's definitions, and are
/// in one state: what waits for an executor is not in the way of answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Line {
    pub(crate) app: String,
    pub(crate) member_id: String,
    pub(crate) revision: Arc<str>,
    pub(crate) state: State,
}

/// A place in a line: behind a job of that time and number.
pub(crate) type Place = (Millis, RowId);

/// What is due in a line, earliest first, and when the next ones are.
pub(crate) struct Due {
    /// Each with its place.
    pub(crate) jobs: Vec<(Place, StoredJob)>,
    /// More was due than asked for.
    pub(crate) more: bool,
    /// The earliest time after `now`.
    pub(crate) next: Option<Millis>,
}

impl Line {
    pub(crate) fn of(job: &Job, state: State) -> Self {
        Self {
            app: job.app.clone(),
            member_id: job.member_id.clone(),
            revision: job.revision.clone(),
            state,
        }
    }
}
