//! What becomes of sent answers.

use super::RowId;
use crate::job::Millis;

/// What a reading of its workflow, or the lack of one, means for a sent job. Nothing happens to a job that is not
/// [`State::Sent`](crate::job::State::Sent) any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settling {
    /// The answer arrived, or nobody waits for it: the job is done, and its payload and answer are erased.
    Done { note: Option<&'static str> },
    /// It is sent again at once.
    Repeat,
    /// It is looked at again then.
    Look(Millis),
    /// It stays sent, and is not looked at any more.
    Unproved,
    /// It needs a person.
    Park(&'static str),
}

/// Sent jobs, and what becomes of each.
#[derive(Debug)]
pub(crate) struct Settle {
    pub(crate) jobs: Vec<(RowId, Settling)>,
    pub(crate) now: Millis,
}
