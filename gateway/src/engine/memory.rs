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
    pub(super) fn new(jobs_limit: usize, bytes_limit: usize, newest: RowId) -> Arc<Self> {
        Arc::new(Self {
            limit: Size {
                entries: jobs_limit,
                bytes: bytes_limit,
            },
            light_limit: jobs_limit.saturating_mul(LIGHT),
            state: Mutex::new(State {
                newest,
                ..State::default()
            }),
            left: Notify::new(),
        })
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
mod tests {
    use super::*;

    fn whose(member_id: &str, revision: &str) -> Whose {
        Whose::new("demo", member_id, revision)
    }

    fn one() -> Whose {
        whose("portal", "executor")
    }

    #[test]
    fn places_are_bounded_by_number_and_bytes() {
        let memory = Memory::new(4, 100, 0);
        let first = memory.permit(one(), 1000).expect("one is always possible");
        assert!(memory.permit(whose("other", "other"), 1).is_none(), "no bytes left");
        drop(first);
        assert_eq!(memory.room(one()), 2);
        let (_a, _b) = (memory.permit(one(), 10).unwrap(), memory.permit(one(), 10).unwrap());
        assert!(memory.permit(one(), 10).is_none(), "half of all is its share");
        assert_eq!(memory.room(one()), 0);
    }

    /// Fills memory with jobs of one kind; how many fit in.
    fn fill(memory: &Arc<Memory>, whose: Whose, all: &mut Vec<Permit>) -> usize {
        let before = all.len();
        while let Some(permit) = memory.permit(whose, 1) {
            all.push(permit);
        }
        all.len() - before
    }

    #[test]
    fn there_is_always_room_for_who_has_nothing_there() {
        let memory = Memory::new(1000, 1 << 20, 0);
        let mut all = Vec::new();
        // Portals of one executor each, then executors of one portal: each gets a part of what is left.
        for (index, expected) in [500, 250, 125, 63].into_iter().enumerate() {
            let name = index.to_string();
            assert_eq!(fill(&memory, whose(&name, &name), &mut all), expected);
        }
        assert!(memory.room(whose("idle", "idle")) > 0);
        assert!(memory.permit(whose("idle", "idle"), 1).is_some());
        assert!(
            memory.permit(whose("0", "idle"), 1).is_none(),
            "its portal has too many"
        );
        assert!(
            memory.permit(whose("idle", "0"), 1).is_none(),
            "its executor has too many"
        );
        // What waits for its portal alone is not its executor's any more.
        for permit in &mut all[..500] {
            permit.answered();
        }
        assert!(memory.permit(whose("idle", "0"), 1).is_some());
        drop(all);
        assert_eq!(memory.jobs(), 0);
        let state = memory.state.lock();
        assert_eq!((state.portals.len(), state.executors.len()), (0, 0));
    }

    #[test]
    fn who_has_many_bytes_leaves_some_to_others() {
        let memory = Memory::new(1000, 1000, 0);
        let _large = memory.permit(one(), 500).unwrap();
        assert!(memory.permit(one(), 100).is_none());
        assert_eq!(memory.room(one()), 0);
        assert!(memory.permit(whose("other", "other"), 400).is_some());
    }

    #[test]
    fn a_row_is_in_memory_once() {
        let memory = Memory::new(9, 100, 0);
        let mut permit = memory.permit(one(), 1).unwrap();
        assert!(permit.take_loaded(7));
        assert!(!memory.permit(one(), 1).unwrap().take_loaded(7));
        memory.begin_read();
        drop(permit);
        assert!(memory.holds(7), "the read may show it as it was before it left");
        assert!(!memory.permit(one(), 1).unwrap().take_loaded(7));
        memory.end_read();
        assert!(memory.permit(one(), 1).unwrap().take_loaded(7));
    }

    #[test]
    fn what_is_held_is_not_loaded_and_what_is_loaded_is_not_held() {
        let memory = Memory::new(9, 100, 0);
        let mut permit = memory.permit(one(), 1).unwrap();
        assert!(permit.take_loaded(7));
        let hold = memory.hold(vec![7, 8]);
        assert_eq!(hold.rows(), [8]);
        assert!(memory.hold(vec![8]).rows().is_empty(), "it is somebody's");
        assert!(memory.holds(8) && !memory.permit(one(), 1).unwrap().take_loaded(8));
        memory.begin_read();
        drop(hold);
        assert!(memory.holds(8), "the read may show it as it was before the change");
        memory.end_read();
        assert!(memory.permit(one(), 1).unwrap().take_loaded(8));
        assert_eq!(memory.jobs(), 1);
    }

    #[test]
    fn a_light_permit_holds_its_row_and_no_place() {
        let memory = Memory::new(1, 100, 0);
        let mut permit = memory.permit(one(), 10).unwrap();
        permit.take_fresh(7);
        assert!(permit.is_fresh() && permit.lighten() && permit.lighten());
        assert_eq!((memory.jobs(), memory.room(one())), (0, 1));
        assert!(memory.holds(7));
        assert_eq!(memory.settled(), 7);
        let light: Vec<_> = (0..LIGHT - 1)
            .map(|_| {
                let mut permit = memory.permit(one(), 10).unwrap();
                assert!(permit.lighten());
                permit
            })
            .collect();
        let mut one_more = memory.permit(one(), 10).unwrap();
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
                let mut permit = memory.permit(one(), 1).unwrap();
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
        let permit = memory.permit(one(), 1).unwrap();
        let mut idle = std::pin::pin!(memory.idle());
        assert!(futures::poll!(&mut idle).is_pending());
        drop(permit);
        idle.await;
    }
}
