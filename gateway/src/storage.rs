//! What the gateway keeps: jobs, events, the last snapshot of definitions. One interface for all parts of the service; an
//! engine is a folder beside, which has all its SQL.
//!
//! Writes are [commands](Command), applied in groups, in the order in which they were handed over; what is acknowledged is on
//! the disk. Reads see everything that was acknowledged before.

mod command;
mod event;
mod intervention;
mod job;
mod mark;
mod postgres;
mod quarantine;
mod reads;
mod settle;
mod sqlite;
mod view;

use std::sync::Arc;

use store::{Groups, StoreError, Work};

use self::command::{Command, Outcome};
pub(crate) use self::{
    command::{Accept, Inserted},
    event::{NewEvent, StoredEvent},
    intervention::{HistoryEntry, Intervention},
    job::{Due, Line, Place, RowId, StoredJob},
    mark::Mark,
    quarantine::{Decision, Quarantined, QuarantinedJob, Sources, Step},
    reads::Reads,
    settle::{Settle, Settling},
    view::{Filter, JobView, Waiting},
};
use crate::{config, job::Millis};

/// The gateway's store. Cheap to clone; closed with the last clone, after everything handed to it is written.
#[derive(Clone)]
pub(crate) struct Storage {
    groups: Groups<Command, Outcome>,
    reads: Arc<dyn Reads>,
    work: Work,
}

impl Storage {
    /// Opens the database that is configured, or else the SQLite file, which is created when it isn't there. Outcomes are released
    /// on the runtime in whose context this is called.
    pub(crate) async fn open(store: &config::Store) -> Result<Self, StoreError> {
        if let Some(database) = store.database() {
            let (groups, reads, lease) = store::postgres::open::<postgres::Jobs>(&database).await?;
            return Ok(Self {
                groups,
                reads: Arc::new(reads),
                work: Work::Leased(lease),
            });
        }
        let (groups, reads) = store::sqlite::open::<sqlite::Jobs>(&store.path)?;
        Ok(Self {
            groups,
            reads: Arc::new(reads),
            work: Work::Alone,
        })
    }

    /// What can be read.
    pub(crate) fn reads(&self) -> &dyn Reads {
        &*self.reads
    }

    /// Who works on what is stored: calls executors, sends answers, keeps things in order. Everybody else takes callbacks, and stores
    /// them for the one who does.
    pub(crate) fn work(&self) -> &Work {
        &self.work
    }

    /// Stores an authentic callback. A job of the same key that is in quarantine, or was given up there, is promoted: it takes
    /// what this callback carries, and is due. Any other job of the same key makes it a repeat, which changes nothing.
    /// `done` runs in the order of the writes, even when nobody waits any more.
    pub(crate) fn accept(&self, accept: Accept, done: impl FnOnce(Result<Inserted, StoreError>) + Send + 'static) {
        let command = Command::Accept(accept);
        self.groups
            .submit(command, |outcome| done(outcome.map(Outcome::inserted)));
    }

    /// Writes what became of a job with some later group, again and again until one is committed; then `done` runs. A crash
    /// in between leaves the job as it was.
    pub(crate) fn mark(&self, row: RowId, mark: Mark, done: impl FnOnce(Result<(), StoreError>) + Send + 'static) {
        let command = Command::Mark(row, mark);
        self.groups.submit_lazily(command, |outcome| done(outcome.map(drop)));
    }

    /// Writes what became of sent jobs with some later group, as [`Storage::mark`] does; `done` runs when it is committed.
    pub(crate) fn settle(&self, settle: Settle, done: impl FnOnce(Result<(), StoreError>) + Send + 'static) {
        let command = Command::Settle(settle);
        self.groups.submit_lazily(command, |outcome| done(outcome.map(drop)));
    }

    /// Makes due those of a line's jobs that would be next, many of them.
    pub(crate) async fn wake_line(&self, line: Line, now: Millis) -> Result<(), StoreError> {
        self.rows(Command::WakeLine(line, now)).await.map(drop)
    }

    /// Does what a person wants with those of the jobs for which it is possible as they are now, and notes it in their history;
    /// gives their rows. No job may be in memory. `then` runs in the order of the writes, even when nobody waits any more; it is
    /// dropped uncalled when nothing was written.
    pub(crate) async fn intervene(
        &self,
        intervention: Intervention,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<Vec<RowId>, StoreError> {
        let told = |outcome: Outcome| {
            then();
            outcome.changed()
        };
        self.groups.write_then(Command::Intervene(intervention), told).await
    }

    /// Makes due what the process before had in memory; gives their number.
    pub(crate) async fn recover(&self, now: Millis) -> Result<usize, StoreError> {
        self.rows(Command::Recover(now)).await
    }

    /// All jobs with a smaller id are over, or have the time of their next attempt in the store.
    pub(crate) async fn set_settled(&self, row: RowId) -> Result<(), StoreError> {
        self.rows(Command::SetSettled(row)).await.map(drop)
    }

    /// Stores a callback that is not proved yet. `then` is told in the order of the writes whether it is new: a job of the same
    /// key makes it a repeat, which changes nothing.
    pub(crate) async fn quarantine(
        &self,
        callback: Quarantined,
        then: impl FnOnce(bool) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.insert(Command::Quarantine(Box::new(callback)), then).await
    }

    /// What was decided about a quarantined job; nothing happens to one that left the quarantine meanwhile, because an
    /// authentic repeat came. Gives how many of the oldest parked jobs without proof had to go for it.
    pub(crate) async fn decide(&self, decision: Decision) -> Result<usize, StoreError> {
        self.rows(Command::Decide(decision)).await
    }

    /// Makes all quarantined jobs due: what is known of installations and definitions has changed.
    pub(crate) async fn wake_quarantine(&self, now: Millis) -> Result<(), StoreError> {
        self.rows(Command::WakeQuarantine(now)).await.map(drop)
    }

    /// Counts what came without proof; `then` gets the count in the order of the writes.
    pub(crate) async fn count_sources(&self, then: impl FnOnce(Sources) + Send + 'static) -> Result<(), StoreError> {
        let then = |outcome: Outcome| then(outcome.sources());
        self.groups.write_then(Command::CountSources, then).await
    }

    /// Stores an event. `then` is told in the order of the writes whether it is new: one with the same digest that is still
    /// there makes it a repeat.
    pub(crate) async fn store_event(
        &self,
        event: NewEvent,
        then: impl FnOnce(bool) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.insert(Command::StoreEvent(event), then).await
    }

    /// Erases an event that was handed over, or given up.
    pub(crate) async fn delete_event(&self, row: RowId) -> Result<(), StoreError> {
        self.rows(Command::DeleteEvent(row)).await.map(drop)
    }

    /// An event that was not handed over this time.
    pub(crate) async fn delay_event(&self, row: RowId, attempts: u32, next: Millis) -> Result<(), StoreError> {
        self.rows(Command::DelayEvent(row, attempts, next)).await.map(drop)
    }

    /// Keeps the last snapshot, as the registrar sent it.
    pub(crate) async fn set_snapshot(&self, snapshot: Vec<u8>) -> Result<(), StoreError> {
        self.rows(Command::SetSnapshot(snapshot)).await.map(drop)
    }

    /// Deletes old jobs: those that [`Reads::old`] gave.
    pub(crate) async fn forget(&self, rows: Vec<RowId>) -> Result<(), StoreError> {
        self.rows(Command::Forget(rows)).await.map(drop)
    }

    async fn insert(&self, command: Command, then: impl FnOnce(bool) + Send + 'static) -> Result<(), StoreError> {
        let then = |outcome: Outcome| then(outcome.rows() > 0);
        self.groups.write_then(command, then).await
    }

    async fn rows(&self, command: Command) -> Result<usize, StoreError> {
        self.groups.write_then(command, Outcome::rows).await
    }
}

#[cfg(test)]
mod tests;
