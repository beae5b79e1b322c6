//! The commit thread: takes all that waits, has it committed in one transaction, hands the group to the runtime.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::mpsc;

use crate::{
    Engine, StoreError, StoreName, Write,
    queue::{Group, LINGER, Queue},
};

/// A group of this many writes is large: more come so soon that a pause before the next commit saves commits (measured: 6 µs of CPU
/// less a job of a saturated gateway).
const LARGE: usize = 8;

/// Runs until the queue is closed and empty. What is released is a committed (or failed) group, each write with its own outcome.
pub(crate) fn run<E: Engine>(
    mut engine: E,
    store: &StoreName,
    queue: &Queue<Write<E::Command, E::Outcome>>,
    released: &mpsc::UnboundedSender<Vec<Write<E::Command, E::Outcome>>>,
) {
    let mut firm = 0;
    let mut failing = false;
    while let Some(Group { writes, lazy }) = queue.take(firm >= LARGE) {
        firm = writes.len();
        let mut group = writes;
        group.extend(lazy);
        let panicked = || StoreError::Panicked { store: store.clone() };
        let committed =
            catch_unwind(AssertUnwindSafe(|| engine.commit(&mut group))).unwrap_or_else(|_| Err(panicked()));
        if committed.is_ok() && std::mem::take(&mut failing) {
            tracing::info!(%store, "commits succeed again");
        }
        if let Err(error) = committed {
            // Once, not for each group on a full disk.
            if !std::mem::replace(&mut failing, true) {
                tracing::error!(%error, writes = group.len(), "commits fail");
            }
            if !queue.restore(group.split_off(firm)) {
                tracing::error!("closed with lazy writes that could not be committed");
            }
            for write in &mut group {
                write.set_outcome(Err(error.clone()));
            }
            if firm == 0 {
                // Only lazy writes: without a pause they would be tried in a tight loop on a full disk.
                std::thread::sleep(LINGER * 10);
            }
        }
        if !group.is_empty() {
            // Fails when the runtime is gone: then nobody waits any more.
            drop(released.send(group));
        }
    }
}
