//! Which jobs are in memory. Bounded; and what is there must not be loaded from the store a second time.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::storage::RowId;

/// Rows held without a place, for each place that there is: what is kept of one is a small part of a job.
const LIGHT: usize = 5;

/// The jobs in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    jobs_limit: usize,
    bytes_limit: usize,
    light_limit: usize,
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    jobs: usize,
    bytes: usize,
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
    bytes: usize,
    light: bool,
    row: Option<RowId>,
}

impl Memory {
    pub(super) fn new(jobs_limit: usize, bytes_limit: usize, newest: RowId) -> Arc<Self> {
        Arc::new(Self {
            jobs_limit,
            bytes_limit,
            light_limit: jobs_limit.saturating_mul(LIGHT),
            state: Mutex::new(State {
                newest,
                ..State::default()
            }),
            left: Notify::new(),
        })
    }

    /// A place for a job with so many bytes; one at least is always there.
    pub(super) fn permit(self: &Arc<Self>, bytes: usize) -> Option<Permit> {
        let mut state = self.state.lock();
        if state.jobs > 0 && (state.jobs >= self.jobs_limit || state.bytes + bytes > self.bytes_limit) {
            return None;
        }
        state.jobs += 1;
        state.bytes += bytes;
        Some(Permit {
            memory: self.clone(),
            bytes,
            light: false,
            row: None,
        })
    }

    /// How many jobs may be loaded now.
    pub(super) fn room(&self) -> usize {
        let state = self.state.lock();
        if state.bytes >= self.bytes_limit {
            usize::from(state.jobs == 0)
        } else {
            self.jobs_limit - state.jobs.min(self.jobs_limit)
        }
    }

    pub(super) fn jobs(&self) -> usize {
        self.state.lock().jobs
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

    fn leave(&mut self, bytes: usize) {
        self.jobs -= 1;
        self.bytes -= bytes;
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
            state.leave(self.bytes);
            drop(state);
            self.memory.left.notify_waiters();
        }
        true
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
            state.leave(self.bytes);
        }
        if let Some(row) = self.row {
            state.remove(row);
        }
        drop(state);
        self.memory.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_by_number_and_bytes() {
        let memory = Memory::new(2, 100, 0);
        let first = memory.permit(1000).expect("one is always possible");
        assert!(memory.permit(1).is_none(), "no bytes left");
        drop(first);
        let (_a, _b) = (memory.permit(10).unwrap(), memory.permit(10).unwrap());
        assert!(memory.permit(10).is_none(), "no permit left");
        assert_eq!(memory.room(), 0);
    }

    #[test]
    fn a_row_is_in_memory_once() {
        let memory = Memory::new(9, 100, 0);
        let mut permit = memory.permit(1).unwrap();
        assert!(permit.take_loaded(7));
        assert!(!memory.permit(1).unwrap().take_loaded(7));
        memory.begin_read();
        drop(permit);
        assert!(memory.holds(7), "the read may show it as it was before it left");
        assert!(!memory.permit(1).unwrap().take_loaded(7));
        memory.end_read();
        assert!(memory.permit(1).unwrap().take_loaded(7));
    }

    #[test]
    fn what_is_held_is_not_loaded_and_what_is_loaded_is_not_held() {
        let memory = Memory::new(9, 100, 0);
        let mut permit = memory.permit(1).unwrap();
        assert!(permit.take_loaded(7));
        let hold = memory.hold(vec![7, 8]);
        assert_eq!(hold.rows(), [8]);
        assert!(memory.hold(vec![8]).rows().is_empty(), "it is somebody's");
        assert!(memory.holds(8) && !memory.permit(1).unwrap().take_loaded(8));
        memory.begin_read();
        drop(hold);
        assert!(memory.holds(8), "the read may show it as it was before the change");
        memory.end_read();
        assert!(memory.permit(1).unwrap().take_loaded(8));
        assert_eq!(memory.jobs(), 1);
    }

    #[test]
    fn a_light_permit_holds_its_row_and_no_place() {
        let memory = Memory::new(1, 100, 0);
        let mut permit = memory.permit(10).unwrap();
        permit.take_fresh(7);
        assert!(permit.is_fresh() && permit.lighten() && permit.lighten());
        assert_eq!((memory.jobs(), memory.room()), (0, 1));
        assert!(memory.holds(7));
        assert_eq!(memory.settled(), 7);
        let light: Vec<_> = (0..LIGHT - 1)
            .map(|_| {
                let mut permit = memory.permit(10).unwrap();
                assert!(permit.lighten());
                permit
            })
            .collect();
        let mut one_more = memory.permit(10).unwrap();
        assert!(!one_more.lighten() && !one_more.is_fresh());
        assert_eq!(memory.jobs(), 1);
        drop((permit, light, one_more));
        assert_eq!(memory.jobs(), 0);
        assert!(!memory.holds(7));
    }

    #[test]
    fn what_is_settled_grows_with_the_oldest_fresh_job() {
        let memory = Memory::new(9, 100, 0);
        let permits: Vec<_> = [3, 4, 5]
            .map(|row| {
                let mut permit = memory.permit(1).unwrap();
                permit.take_fresh(row);
                permit
            })
            .into();
        assert_eq!(memory.settled(), 3);
        let [three, four, five] = <[Permit; 3]>::try_from(permits).unwrap();
        drop(four);
        assert_eq!(memory.settled(), 3);
        drop(three);
        assert_eq!(memory.settled(), 5);
        drop(five);
        assert_eq!(memory.settled(), 6);
        assert_eq!(memory.jobs(), 0);
    }

    #[test]
    fn a_new_start_has_nothing_to_settle() {
        assert_eq!(Memory::new(9, 100, 41).settled(), 42);
    }

    #[tokio::test]
    async fn idle_waits_for_the_last() {
        let memory = Memory::new(9, 100, 0);
        let permit = memory.permit(1).unwrap();
        let mut idle = std::pin::pin!(memory.idle());
        assert!(futures::poll!(&mut idle).is_pending());
        drop(permit);
        idle.await;
    }
}
