//! The interface between groups and what commits them.

use crate::{StoreError, Write};

/// What commits groups of a service's commands.
pub trait Engine: Send + 'static {
    /// What can be asked for: a plain value.
    type Command: Send + 'static;
    /// What the caller is told.
    type Outcome: Send + 'static;

    /// Applies all commands in one transaction, as if in the order of the group, sets each one's outcome, and returns when
    /// they are on the disk. A command that fails leaves nothing behind and does not touch the others.
    ///
    /// # Errors
    /// Nothing of the group was written; outcomes that were set are void.
    fn commit(&mut self, group: &mut [Write<Self::Command, Self::Outcome>]) -> Result<(), StoreError>;
}
