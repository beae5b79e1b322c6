//! What people do with jobs, and what is kept of it.

use super::RowId;
use crate::job::{Action, Millis, Outcome, State};

/// What a person does with some jobs.
#[derive(Debug, Clone)]
pub(crate) struct Intervention {
    pub(crate) rows: Vec<RowId>,
    pub(crate) action: Action,
    /// Who does it.
    pub(crate) by: String,
    pub(crate) why: String,
    pub(crate) now: Millis,
}

/// What a person did with a job, and what the job was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryEntry {
    pub(crate) at: Millis,
    pub(crate) action: Action,
    pub(crate) by: String,
    pub(crate) why: String,
    pub(crate) state: State,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) attempts: u32,
    pub(crate) problem: String,
}
