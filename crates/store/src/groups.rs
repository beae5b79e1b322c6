//! The writes of a store, as its service sees them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::{Engine, StoreError, StoreName, commit, queue::Queue, write::Write};

/// One thread that commits a store's commands in groups. Cheap to clone; closed when the last clone is dropped, after
/// everything handed to it is written.
pub struct Groups<C, O>(Arc<Inner<C, O>>);

struct Inner<C, O> {
    store: StoreName,
    queue: Arc<Queue<Write<C, O>>>,
    runtime: Handle,
    thread: Option<JoinHandle<()>>,
}

impl<C: Send + 'static, O: Send + 'static> Groups<C, O> {
    /// Starts the thread. Outcomes are released on the runtime in whose context this is called.
    ///
    /// # Errors
    /// The system has no thread left.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(store: StoreName, engine: impl Engine<Command = C, Outcome = O>) -> Result<Self, StoreError> {
        let queue = Arc::new(Queue::new());
        let (released, groups) = mpsc::unbounded_channel();
        tokio::spawn(release(groups, store.clone()));
        let thread = std::thread::Builder::new().name("store".into()).spawn({
            let (store, queue) = (store.clone(), queue.clone());
            move || commit::run(engine, &store, &queue, &released)
        });
        let thread = thread.map_err(|reason| StoreError::Open {
            store: store.clone(),
            reason: reason.to_string(),
        })?;
        Ok(Self(Arc::new(Inner {
            store,
            queue,
            runtime: Handle::current(),
            thread: Some(thread),
        })))
    }

    /// Writes with the next group; returns when it is on the disk. The command is applied even when the future is dropped.
    ///
    /// # Errors
    /// [`StoreError::Statement`] when the command failed, others when the store can't commit.
    pub async fn write(&self, command: C) -> Result<O, StoreError> {
        self.write_then(command, |outcome| outcome).await
    }

    /// As [`Groups::write`], and `then` is called with the outcome when it is released: in the order of the writes, even when
    /// the future was dropped. It is dropped uncalled when nothing was written.
    ///
    /// # Errors
    /// As [`Groups::write`].
    pub async fn write_then<T>(&self, command: C, then: impl FnOnce(O) -> T + Send + 'static) -> Result<T, StoreError>
    where
        T: Send + 'static,
    {
        let (told, outcome) = oneshot::channel();
        self.submit(command, move |outcome| drop(told.send(outcome.map(then))));
        outcome.await.unwrap_or_else(|_| {
            Err(StoreError::Closed {
                store: self.0.store.clone(),
            })
        })
    }

    /// As [`Groups::write`], with a continuation instead of a future: `done` runs on the runtime together with the rest of its
    /// group, in its order, even when nobody waits any more.
    pub fn submit(&self, command: C, done: impl FnOnce(Result<O, StoreError>) + Send + 'static) {
        let first = self.0.queue.push(Write::new(command, Box::new(done)));
        if first {
            // Behind the tasks that are ready now: what they write joins the group, and the thread's wake costs one switch for all
            // of them (measured: 20 % less CPU a job under load).
            let queue = self.0.queue.clone();
            drop(self.0.runtime.spawn(async move { queue.wake() }));
        }
    }

    /// Writes with some later group and wakes nobody for it. The command is applied again until a group with it is committed;
    /// then `done` runs on the runtime.
    pub fn submit_lazily(&self, command: C, done: impl FnOnce(Result<O, StoreError>) + Send + 'static) {
        self.0.queue.push_lazy(Write::new(command, Box::new(done)));
    }
}

impl<C, O> Clone for Groups<C, O> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C, O> std::fmt::Debug for Groups<C, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups")
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}

impl<C, O> Drop for Inner<C, O> {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            // A continuation dropped on the commit thread may have held the last clone: a thread can't join itself.
            && thread.thread().id() != std::thread::current().id()
        {
            drop(thread.join());
        }
    }
}

/// The one task that a commit wakes.
async fn release<C, O>(mut groups: mpsc::UnboundedReceiver<Vec<Write<C, O>>>, store: StoreName) {
    while let Some(group) = groups.recv().await {
        for write in group {
            // One that panics must not keep the others from their outcomes.
            if catch_unwind(AssertUnwindSafe(|| write.release(&store))).is_err() {
                tracing::error!(%store, "what follows a write panicked");
            }
        }
    }
}
