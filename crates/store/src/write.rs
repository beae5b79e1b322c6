//! A command on its way through a group: applied by the commit thread, released on the runtime.

use crate::{StoreError, StoreName};

type Done<O> = Box<dyn FnOnce(Result<O, StoreError>) + Send>;

/// A command, its outcome once applied, and what to do after the commit.
pub struct Write<C, O> {
    command: C,
    outcome: Option<Result<O, StoreError>>,
    done: Done<O>,
}

impl<C, O> Write<C, O> {
    pub(crate) fn new(command: C, done: Done<O>) -> Self {
        Self {
            command,
            outcome: None,
            done,
        }
    }

    /// What is to be done.
    pub fn command(&self) -> &C {
        &self.command
    }

    /// What came of it: told to the caller once the group is committed.
    pub fn set_outcome(&mut self, outcome: Result<O, StoreError>) {
        self.outcome = Some(outcome);
    }

    /// Tells the caller, after the commit.
    pub(crate) fn release(self, store: &StoreName) {
        let closed = || StoreError::Closed { store: store.clone() };
        (self.done)(self.outcome.unwrap_or_else(|| Err(closed())));
    }
}

impl<C: std::fmt::Debug, O> std::fmt::Debug for Write<C, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Write")
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}
