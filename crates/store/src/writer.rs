//! The commit thread: takes all that waits, commits it in one transaction, hands the group to the runtime.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::mpsc;

use crate::{
    StoreError,
    error::spoils_group,
    write::{Shape, Write},
};

/// How long a lazy write waits for a group to ride with before it gets one of its own.
const LINGER: Duration = Duration::from_millis(20);

/// A group of so many writes is large: they come so fast that a pause before the next commit gathers more, and fewer commits do
/// the same work (measured: 6 µs of CPU less a job of a saturated gateway).
const LARGE: usize = 8;
/// That pause. A lone write never meets it.
const GATHER: Duration = Duration::from_micros(500);

/// A committed (or failed) group, each write with its own outcome.
pub(crate) type Group = Vec<(Box<dyn Write>, Result<(), StoreError>)>;

/// What waits for the commit thread.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    writes: Vec<Box<dyn Write>>,
    lazy: Vec<Box<dyn Write>>,
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    /// The thread waits without a limit: even a lazy write must wake it.
    asleep: bool,
    closed: bool,
}

impl Queue {
    /// True when it is the first to wait: then somebody must [`wake`](Self::wake) the thread.
    pub(crate) fn push(&self, write: Box<dyn Write>) -> bool {
        let mut state = self.state.lock();
        state.waiting.writes.push(write);
        state.waiting.writes.len() == 1
    }

    pub(crate) fn wake(&self) {
        self.state.lock().asleep = false;
        self.wake.notify_one();
    }

    pub(crate) fn push_lazy(&self, write: Box<dyn Write>) {
        let mut state = self.state.lock();
        state.waiting.lazy.push(write);
        if std::mem::take(&mut state.asleep) {
            self.wake.notify_one();
        }
    }

    /// Puts lazy writes back, first in line; false when the queue is closed and they are lost.
    fn restore(&self, lazy: impl Iterator<Item = Box<dyn Write>>) -> bool {
        let mut state = self.state.lock();
        let lost = state.closed && lazy.size_hint().0 > 0;
        if !state.closed {
            state.waiting.lazy.splice(0..0, lazy);
        }
        !lost
    }

    /// Lets the thread end once everything is written.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_one();
    }

    /// Blocks until there is something to commit, and a moment longer to `gather` more; `None` when closed and empty.
    fn take(&self, gather: bool) -> Option<Waiting> {
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
        Some(std::mem::take(&mut state.waiting))
    }
}

/// Runs until the queue is closed and empty.
pub(crate) fn run(mut db: Connection, path: &Path, queue: &Arc<Queue>, released: &mpsc::UnboundedSender<Group>) {
    let mut firm = 0;
    while let Some(Waiting { writes, lazy }) = queue.take(firm >= LARGE) {
        let alone = writes.is_empty();
        firm = writes.len();
        let mut group: Group = writes.into_iter().chain(lazy).map(|write| (write, Ok(()))).collect();
        if let Err(error) = commit(&mut db, path, &mut group) {
            tracing::error!(error = %error, writes = group.len(), "commit failed");
            let lazy = group.split_off(firm).into_iter().map(|(write, _)| write);
            if !queue.restore(lazy) {
                tracing::error!("closed with lazy writes that could not be committed");
            }
            for (_, outcome) in &mut group {
                *outcome = Err(error.clone());
            }
            if alone {
                // Nobody waits for an answer: without a pause lazy writes alone would spin on a full disk.
                std::thread::sleep(LINGER * 10);
            }
        }
        if !group.is_empty() {
            // Fails when the runtime is gone: then nobody waits any more.
            drop(released.send(group));
        }
    }
}

/// One transaction with everything in it.
fn commit(db: &mut Connection, path: &Path, group: &mut Group) -> Result<(), StoreError> {
    let unavailable = |reason| StoreError::unavailable(path, reason);
    let tx = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(unavailable)?;
    for (write, outcome) in group.iter_mut() {
        *outcome = apply(&tx, path, write.as_mut())?;
    }
    tx.commit().map_err(unavailable)
}

/// Runs one write. The outer error spoils the whole group, the inner one only this write.
fn apply(tx: &Transaction<'_>, path: &Path, write: &mut dyn Write) -> Result<Result<(), StoreError>, StoreError> {
    let run = |sql| {
        tx.prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(drop)
    };
    let spoiled = |reason| StoreError::unavailable(path, reason);
    let steps = write.shape() == Shape::Steps;
    if steps {
        run("SAVEPOINT w").map_err(spoiled)?;
    }
    let applied = catch_unwind(AssertUnwindSafe(|| write.apply(tx)))
        .map_err(|_| StoreError::Panicked { path: path.to_owned() })?;
    match applied {
        Ok(()) => {
            if steps {
                run("RELEASE w").map_err(spoiled)?;
            }
            Ok(Ok(()))
        }
        Err(reason) if tx.is_autocommit() || spoils_group(&reason) => Err(spoiled(reason)),
        Err(reason) => {
            if steps {
                run("ROLLBACK TO w").and_then(|()| run("RELEASE w")).map_err(spoiled)?;
            }
            Ok(Err(StoreError::statement(path, reason)))
        }
    }
}
