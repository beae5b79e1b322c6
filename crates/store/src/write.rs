//! A write on its way through a group: applied by the commit thread, released on the runtime.

use rusqlite::Transaction;

use crate::StoreError;

/// Whether a write that fails half-way could leave something behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One statement that changes data: SQLite undoes it by itself when it fails.
    Statement,
    /// Several: a savepoint undoes them.
    Steps,
}

/// A write with its caller's types erased.
pub(crate) trait Write: Send {
    fn shape(&self) -> Shape;
    /// Runs it within the group's transaction and keeps its value.
    fn apply(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()>;
    /// Tells the caller, after the commit.
    fn release(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A write, its value once applied, and what to do after the commit.
pub(crate) struct Pending<F, T, D> {
    pub(crate) shape: Shape,
    pub(crate) work: Option<F>,
    pub(crate) value: Option<T>,
    pub(crate) done: D,
}

impl<F, T, D> Write for Pending<F, T, D>
where
    F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send,
    T: Send,
    D: FnOnce(Result<T, StoreError>) + Send,
{
    fn shape(&self) -> Shape {
        self.shape
    }

    fn apply(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.value = Some(work(tx)?);
        }
        Ok(())
    }

    fn release(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, done, .. } = *self;
        match (outcome, value) {
            (Ok(()), Some(value)) => done(Ok(value)),
            (Err(error), _) => done(Err(error)),
            // Applied without a value can't be: `apply` sets it or fails. The caller's channel then reads as closed.
            (Ok(()), None) => {}
        }
    }
}

/// A write that nobody waits for: kept and applied again until a group with it is committed.
pub(crate) struct Lazy<F, D> {
    pub(crate) work: F,
    pub(crate) done: D,
}

impl<F, D> Write for Lazy<F, D>
where
    F: FnMut(&Transaction<'_>) -> rusqlite::Result<()> + Send,
    D: FnOnce(Result<(), StoreError>) + Send,
{
    fn shape(&self) -> Shape {
        Shape::Statement
    }

    fn apply(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        (self.work)(tx)
    }

    fn release(self: Box<Self>, outcome: Result<(), StoreError>) {
        (self.done)(outcome);
    }
}
