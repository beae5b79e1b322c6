//! What waits for the commit thread.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How long a lazy write waits for a group to ride with before it gets one of its own.
pub(crate) const LINGER: Duration = Duration::from_millis(20);
/// That pause. It never delays a single write.
const GATHER: Duration = Duration::from_micros(500);

pub(crate) struct Queue<W> {
    state: Mutex<State<W>>,
    wake: Condvar,
}

pub(crate) struct Waiting<W> {
    pub(crate) writes: Vec<W>,
    pub(crate) lazy: Vec<W>,
}

struct State<W> {
    waiting: Waiting<W>,
    /// The thread waits without a limit: even a lazy write must wake it.
    asleep: bool,
    closed: bool,
}

impl<W> Queue<W> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                waiting: Waiting::empty(),
                asleep: false,
                closed: false,
            }),
            wake: Condvar::new(),
        }
    }

    /// True when it is the first to wait: then somebody must [`wake`](Self::wake) the thread.
    pub(crate) fn push(&self, write: W) -> bool {
        let mut state = self.state.lock();
        state.waiting.writes.push(write);
        state.waiting.writes.len() == 1
    }

    pub(crate) fn wake(&self) {
        self.state.lock().asleep = false;
        self.wake.notify_one();
    }

    pub(crate) fn push_lazy(&self, write: W) {
        let mut state = self.state.lock();
        state.waiting.lazy.push(write);
        if std::mem::take(&mut state.asleep) {
            self.wake.notify_one();
        }
    }

    /// Puts lazy writes back, first in line; false when the queue is closed and they are lost.
    pub(crate) fn restore(&self, lazy: Vec<W>) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return lazy.is_empty();
        }
        state.waiting.lazy.splice(0..0, lazy);
        true
    }

    /// Lets the thread end once everything is written.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_one();
    }

    /// Blocks until there is something to commit, and a little longer to `gather` more; `None` when closed and empty.
    pub(crate) fn take(&self, gather: bool) -> Option<Waiting<W>> {
        let mut state = self.state.lock();
        while state.waiting.writes.is_empty() {
            if state.closed {
                if state.waiting.lazy.is_empty() {
                    return None;
                }
                break;
            }
            let late = self.wake.wait_for(&mut state, LINGER).timed_out();
            if late && state.waiting.writes.is_empty() && !state.closed {
                if !state.waiting.lazy.is_empty() {
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
        Some(std::mem::replace(&mut state.waiting, Waiting::empty()))
    }
}

impl<W> Waiting<W> {
    fn empty() -> Self {
        Self {
            writes: Vec::new(),
            lazy: Vec::new(),
        }
    }
}
