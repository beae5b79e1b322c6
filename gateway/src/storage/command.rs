//! What the store can be asked to write.

use std::sync::Arc;

use super::{Decision, Intervention, Line, Mark, NewEvent, Quarantined, RowId, Settle, Sources};
use crate::job::{Job, Millis};

/// A write, as a plain value. [`Storage`](super::Storage) has a method for each, which says what it does.
pub(super) enum Command {
    Accept(Accept),
    Mark(RowId, Mark),
    Settle(Settle),
    WakeLine(Line, Millis),
    Intervene(Intervention),
    Recover(Millis),
    SetSettled(RowId),
    Quarantine(Box<Quarantined>),
    Decide(Decision),
    WakeQuarantine(Millis),
    CountSources,
    StoreEvent(NewEvent),
    DeleteEvent(RowId),
    DelayEvent(RowId, u32, Millis),
    SetSnapshot(Vec<u8>),
    Forget(Vec<RowId>),
}

/// An authentic callback.
pub(crate) struct Accept {
    pub(crate) job: Arc<Job>,
    /// The form pairs of its properties.
    pub(crate) payload: Vec<u8>,
    /// When it is due; `None`: this process has it in memory.
    pub(crate) next_attempt: Option<Millis>,
}

/// What an accept found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// A new job.
    New(RowId),
    /// The job was in quarantine, or given up there, and is accepted now with what the authentic callback carries.
    Promoted(RowId),
    /// A repeat: it is there already.
    Repeat,
}

/// What a command did.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Of `Accept`.
    Inserted(Inserted),
    /// Of `CountSources`.
    Sources(Sources),
    /// Of `Intervene`: the rows that were written.
    Changed(Vec<RowId>),
    /// Of all others: how many rows were written.
    Rows(usize),
}

impl Outcome {
    pub(super) fn inserted(self) -> Inserted {
        match self {
            Self::Inserted(inserted) => inserted,
            other => unexpected(&other, "an insert"),
        }
    }

    pub(super) fn sources(self) -> Sources {
        match self {
            Self::Sources(sources) => sources,
            other => unexpected(&other, "a count of sources"),
        }
    }

    pub(super) fn changed(self) -> Vec<RowId> {
        match self {
            Self::Changed(rows) => rows,
            other => unexpected(&other, "the changed rows"),
        }
    }

    pub(super) fn rows(self) -> usize {
        match self {
            Self::Rows(rows) => rows,
            other => unexpected(&other, "a number of rows"),
        }
    }
}

fn unexpected(outcome: &Outcome, expected: &str) -> ! {
    unreachable!("an engine answered a command with {outcome:?}, not with {expected}")
}
