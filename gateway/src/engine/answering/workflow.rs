//! One workflow with answers on their way.

use std::sync::Arc;

use crate::{
    engine::Permit,
    job::{Deadline, Key, Millis},
    portal::LastSend,
    storage::RowId,
};

use super::Ready;

/// A workflow that an answer was sent to, until it is proved to have arrived. One request at a time carries answers to it: two
/// could meet each other's lock, and the second would be dropped.
#[derive(Default)]
pub(super) struct Workflow {
    /// A request with its answers is under way.
    pub(super) sending: bool,
    /// A reading of it is under way.
    pub(super) reading: bool,
    pub(super) unproved: Vec<Unproved>,
    /// Answers that wait for the proof of those before.
    pub(super) waiting: Vec<Ready>,
    pub(super) last: Option<Last>,
    /// How many readings in a row found a hit in it.
    pub(super) locked: u32,
}

/// The last request that carried answers to it.
#[derive(Clone, Copy)]
pub(super) struct Last {
    pub(super) at: Millis,
    pub(super) second: i64,
    pub(super) answers: usize,
}

/// What is kept of a job whose answer was sent.
pub(super) struct Unproved {
    pub(super) row: RowId,
    pub(super) revision: Arc<str>,
    pub(super) permit: Permit,
    pub(super) key: Key,
    pub(super) sends: u32,
    pub(super) deadline: Deadline,
    pub(super) went_on: bool,
}

impl Last {
    pub(super) fn of(self, unproved: &Unproved) -> LastSend {
        LastSend {
            sends: unproved.sends,
            at: self.at,
            second: self.second,
            answers: self.answers,
            went_on: unproved.went_on,
        }
    }
}

impl Workflow {
    pub(super) fn is_idle(&self) -> bool {
        !self.sending && !self.reading && self.unproved.is_empty() && self.waiting.is_empty()
    }
}
