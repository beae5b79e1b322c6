//! Jobs for people.

use super::RowId;
use crate::job::{Millis, Outcome, Payload, Standing, State};

/// What a person may see of a job: no secrets, no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobView {
    pub(crate) row: RowId,
    pub(crate) id: String,
    pub(crate) app: String,
    pub(crate) member_id: String,
    pub(crate) revision: String,
    pub(crate) workflow_id: String,
    pub(crate) code: String,
    pub(crate) document_id: Vec<String>,
    pub(crate) state: State,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) attempts: u32,
    pub(crate) received: Millis,
    pub(crate) deadline: Millis,
    pub(crate) changed: Millis,
    pub(crate) next_attempt: Option<Millis>,
    pub(crate) problem: String,
    pub(crate) trace_id: String,
    pub(crate) payload: Payload,
    /// There is an answer in hand.
    pub(crate) answered: bool,
}

impl JobView {
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            outcome: self.outcome,
            payload: self.payload,
            answered: self.answered,
        }
    }
}

/// Which jobs; all conditions hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) workflow_id: Option<String>,
    pub(crate) document_id: Option<String>,
    pub(crate) state: Option<State>,
    pub(crate) app: Option<String>,
    pub(crate) member_id: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) received_before: Option<Millis>,
    /// Only rows before this one.
    pub(crate) before: Option<RowId>,
    pub(crate) limit: usize,
}

/// Jobs of one state that wait in the store.
pub(crate) struct Waiting {
    pub(crate) state: State,
    pub(crate) jobs: u64,
    /// When the oldest was received; of parked ones, when it was parked.
    pub(crate) oldest: Millis,
}
