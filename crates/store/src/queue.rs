//! What waits for the commit thread.

use std::{collections::VecDeque, time::Duration};

use parking_lot::{Condvar, Mutex};

/// How long a lazy write waits for a group to ride with before it gets one of its own.
pub(crate) const LINGER: Duration = Duration::from_millis(20);
/// Lazy writes of a group: a write that somebody waits for comes after so many at most.
const LAZY: usize = 256;
/// A pause before a group, to gather more. It never delays a single write.
const GATHER: Duration = Duration::from_micros(500);

pub(crate) struct Queue<W> {
    state: Mutex<State<W>>,
    wake: Condvar,
}

/// What is written together.
pub(crate) struct Group<W> {
    pub(crate) writes: Vec<W>,
    pub(crate) lazy: Vec<W>,
}

struct State<W> {
    writes: Vec<W>,
    lazy: VecDeque<W>,
    /// The thread waits without a limit: even a lazy write must wake it.
    asleep: bool,
    closed: bool,
}

impl<W> Queue<W> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                writes: Vec::new(),
                lazy: VecDeque::new(),
                asleep: false,
                closed: false,
            }),
            wake: Condvar::new(),
        }
    }

    /// True when it is the first to wait: then somebody must [`wake`](Self::wake) the thread.
    pub(crate) fn push(&self, write: W) -> bool {
        let mut state = self.state.lock();
        state.writes.push(write);
        state.writes.len() == 1
    }

    pub(crate) fn wake(&self) {
        self.state.lock().asleep = false;
        self.wake.notify_one();
    }

    pub(crate) fn push_lazy(&self, write: W) {
        let mut state = self.state.lock();
        state.lazy.push_back(write);
        if std::mem::take(&mut state.asleep) || state.lazy.len() == LAZY {
            self.wake.notify_one();
        }
    }

    /// Puts lazy writes back, first in line; false when the queue is closed and they are lost.
    pub(crate) fn restore(&self, lazy: Vec<W>) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return lazy.is_empty();
        }
        for write in lazy.into_iter().rev() {
            state.lazy.push_front(write);
        }
        true
    }

    /// Lets the thread end once everything is written.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_one();
    }

    /// Blocks until there is something to commit, and a little longer to `gather` more; `None` when closed and empty.
    pub(crate) fn take(&self, gather: bool) -> Option<Group<W>> {
        let mut state = self.state.lock();
        while state.writes.is_empty() && state.lazy.len() < LAZY {
            if state.closed {
                if state.lazy.is_empty() {
                    return None;
                }
                break;
            }
            let late = self.wake.wait_for(&mut state, LINGER).timed_out();
            if late && state.writes.is_empty() && !state.closed {
                if !state.lazy.is_empty() {
                    break;
                }
                state.asleep = true;
                self.wake.wait(&mut state);
                state.asleep = false;
            }
        }
        if gather && !state.closed {
            self.wake.wait_for(&mut state, GATHER);
        }
        let lazy = state.lazy.len().min(LAZY);
        Some(Group {
            writes: std::mem::take(&mut state.writes),
            lazy: state.lazy.drain(..lazy).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lazy_writes_go_in_their_order_and_so_many_at_once() {
        let queue = Queue::new();
        let all = 2 * LAZY + 10;
        (0..all).for_each(|write| queue.push_lazy(write));
        queue.push(all);
        let first = queue.take(false).unwrap();
        assert_eq!(first.writes, [all]);
        assert_eq!(first.lazy, (0..LAZY).collect::<Vec<_>>());
        // It could not be committed.
        assert!(queue.restore(first.lazy));
        queue.close();
        let mut taken = Vec::new();
        while let Some(group) = queue.take(false) {
            assert!(group.writes.is_empty() && group.lazy.len() <= LAZY);
            taken.extend(group.lazy);
        }
        assert_eq!(taken, (0..all).collect::<Vec<_>>());
    }
}
