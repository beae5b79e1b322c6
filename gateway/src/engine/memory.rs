//! Which jobs are in memory. Bounded, in [shares](crate::shares) by portal and by executor; and what is there must not be loaded from
//! the store a second time.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    job::Job,
    shares::{Shares, Size},
    storage::{Line, RowId},
};

/// Rows held without a place, for each place that there is: what is kept of one is a small part of a job.
const LIGHT: usize = 5;

/// The jobs in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: Size,
    light_limit: usize,
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    all: Size,
    portals: Shares<u64>,
    executors: Shares<u64>,
    /// Rows that are held without a place.
    light: usize,
    /// Came by an accept: the store has no next attempt for them.
    fresh: BTreeSet<RowId>,
    /// Came from the store.
    loaded: HashSet<RowId>,
    /// Left while a read of the store was under way: what that read shows of them is out of date.
    leaving: Option<HashSet<RowId>>,
    /// The newest row seen.
    newest: RowId,
}

/// Whose share a job is in: its portal's, and that of the executor behind its definitions. By digests: two that are equal by chance
/// share what each could have alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whose {
    portal: u64,
    executor: u64,
}

/// Rows that somebody else changes in the store: until this is dropped they are not in memory, nor loaded.
#[derive(Debug)]
pub(crate) struct Hold {
    memory: Arc<Memory>,
    rows: Vec<RowId>,
}

/// A place in memory; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    memory: Arc<Memory>,
    whose: Whose,
    size: Size,
    /// It is counted for its executor.
    calling: bool,
    light: bool,
    row: Option<RowId>,
}

impl Memory {
    pub(super) fn new(jobs_limit: usize, bytes_limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: Size {
                entries: jobs_limit,
                bytes: bytes_limit,
            },
            light_limit: jobs_limit.saturating_mul(LIGHT),
            state: Mutex::default(),
            left: Notify::new(),
        })
    }

    /// All jobs up to this row have their next attempt in the store.
    pub(super) fn begin(&self, newest: RowId) {
        let mut state = self.state.lock();
        state.newest = state.newest.max(newest);
    }

    /// A place for a job with so many bytes; one at least is always there.
    pub(super) fn permit(self: &Arc<Self>, whose: Whose, bytes: usize) -> Option<Permit> {
        let mut state = self.state.lock();
        if state.all.entries > 0 && !state.share(whose).may_grow(bytes, self.limit.less(state.all)) {
            return None;
        }
        let size = Size::one(bytes);
        state.enter(whose, size);
        Some(Permit {
            memory: self.clone(),
            whose,
            size,
            calling: true,
            light: false,
            row: None,
        })
    }

    /// How many more jobs of the same may be loaded now.
    pub(super) fn room(&self, whose: Whose) -> usize {
        let state = self.state.lock();
        if state.all.entries == 0 {
            return 1.max(self.limit.entries / 2);
        }
        let (free, share) = (self.limit.less(state.all), state.share(whose));
        if share.bytes >= free.bytes {
            return 0;
        }
        // Each takes one of those that are free.
        free.entries.saturating_sub(share.entries).div_ceil(2)
    }

    pub(super) fn jobs(&self) -> usize {
        self.state.lock().all.entries
    }

    pub(super) fn settled(&self) -> RowId {
        let state = self.state.lock();
        state.fresh.first().copied().unwrap_or(state.newest + 1)
    }

    /// Whether a row that a read of the store shows is to be left alone.
    pub(super) fn holds(&self, row: RowId) -> bool {
        self.state.lock().holds(row)
    }

    /// Holds those of the rows that are not in memory.
    pub(super) fn hold(self: &Arc<Self>, mut rows: Vec<RowId>) -> Hold {
        let mut state = self.state.lock();
        rows.retain(|row| !state.fresh.contains(row) && state.loaded.insert(*row));
        Hold {
            memory: self.clone(),
            rows,
        }
    }

    /// A read of the store begins.
    pub(super) fn begin_read(&self) {
        self.state.lock().leaving = Some(HashSet::new());
    }

    /// What it showed has been taken.
    pub(super) fn end_read(&self) {
        self.state.lock().leaving = None;
    }

    /// Returns when a permit was given back. Register before looking.
    pub(super) fn left(&self) -> tokio::sync::futures::Notified<'_> {
        self.left.notified()
    }

    pub(super) async fn idle(&self) {
        loop {
            let left = self.left();
            if self.jobs() == 0 {
                return;
            }
            left.await;
        }
    }
}

impl State {
    fn holds(&self, row: RowId) -> bool {
        self.loaded.contains(&row)
            || self.fresh.contains(&row)
            || self.leaving.as_ref().is_some_and(|leaving| leaving.contains(&row))
    }

    /// The larger of both shares.
    fn share(&self, whose: Whose) -> Size {
        let (portal, executor) = (self.portals.of(&whose.portal), self.executors.of(&whose.executor));
        Size {
            entries: portal.entries.max(executor.entries),
            bytes: portal.bytes.max(executor.bytes),
        }
    }

    fn enter(&mut self, whose: Whose, size: Size) {
        self.all.add(size);
        self.portals.add(whose.portal, size);
        self.executors.add(whose.executor, size);
    }

    fn leave(&mut self, whose: Whose, size: Size, calling: bool) {
        self.all.remove(size);
        self.portals.remove(&whose.portal, size);
        if calling {
            self.executors.remove(&whose.executor, size);
        }
    }

    fn remove(&mut self, row: RowId) {
        if !self.fresh.remove(&row) {
            self.loaded.remove(&row);
        }
        if let Some(leaving) = &mut self.leaving {
            leaving.insert(row);
        }
    }
}

impl Whose {
    pub(super) fn of(job: &Job) -> Self {
        Self::new(&job.app, &job.member_id, &job.revision)
    }

    pub(super) fn of_line(line: &Line) -> Self {
        Self::new(&line.app, &line.member_id, &line.revision)
    }

    fn new(app: &str, member_id: &str, revision: &str) -> Self {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        Self {
            portal: hasher.hash_one((app, member_id)),
            executor: hasher.hash_one((app, revision)),
        }
    }
}

impl Hold {
    pub(crate) fn rows(&self) -> &[RowId] {
        &self.rows
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.memory.state.lock();
        for row in &self.rows {
            state.remove(*row);
        }
    }
}

impl Permit {
    /// The portal, as shares count it.
    pub(super) fn portal(&self) -> u64 {
        self.whose.portal
    }

    /// The permit is that of a job that was just stored.
    pub(super) fn take_fresh(&mut self, row: RowId) {
        let mut state = self.memory.state.lock();
        state.fresh.insert(row);
        state.newest = state.newest.max(row);
        self.row = Some(row);
    }

    /// The permit is that of a job read from the store; false when the job is in memory already.
    pub(super) fn take_loaded(&mut self, row: RowId) -> bool {
        let mut state = self.memory.state.lock();
        if state.holds(row) {
            return false;
        }
        state.loaded.insert(row);
        self.row = Some(row);
        true
    }
}

impl Permit {
    /// Gives the place back and goes on holding the row; false, and nothing happens, when too many are held so.
    pub(super) fn lighten(&mut self) -> bool {
        let mut state = self.memory.state.lock();
        if state.light >= self.memory.light_limit {
            return false;
        }
        if !self.light {
            self.light = true;
            state.light += 1;
            state.leave(self.whose, self.size, self.calling);
            drop(state);
            self.memory.left.notify_waiters();
        }
        true
    }

    /// The executor has done its part.
    pub(super) fn answered(&mut self) {
        if self.calling && !self.light {
            self.calling = false;
            let mut state = self.memory.state.lock();
            state.executors.remove(&self.whose.executor, self.size);
            drop(state);
            self.memory.left.notify_waiters();
        }
    }

    /// Whether the store has no next attempt for the job.
    pub(super) fn is_fresh(&self) -> bool {
        self.row
            .is_some_and(|row| self.memory.state.lock().fresh.contains(&row))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.memory.state.lock();
        if self.light {
            state.light -= 1;
        } else {
            state.leave(self.whose, self.size, self.calling);
        }
        if let Some(row) = self.row {
            state.remove(row);
        }
        drop(state);
        self.memory.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
