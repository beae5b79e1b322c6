//! What becomes of a job: the second of its two writes, or a wait.

use crate::job::{Millis, Outcome, Progress, State};

/// The end of work on a job, for now or for good. Payload and answer are erased with [`State::Done`], unless the outcome
/// [may be wrong](Outcome::may_be_wrong): then a person may want it to begin again. A sent job keeps both, because its answer
/// may have to be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) state: State,
    pub(crate) outcome: Option<Outcome>,
    /// When it is taken up again.
    pub(crate) next_attempt: Option<Millis>,
    pub(crate) progress: Progress,
    pub(crate) problem: Option<String>,
    pub(crate) changed: Millis,
}

impl Mark {
    /// Whether payload and answer are erased.
    pub(super) fn erases(&self) -> bool {
        self.state == State::Done && !self.outcome.is_some_and(Outcome::may_be_wrong)
    }
}
