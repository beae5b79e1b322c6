//! The store as its users see it.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use rusqlite::{Connection, Transaction};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::{
    StoreError, migrate, open,
    readers::Readers,
    write::{Lazy, Pending, Shape},
    writer::{self, Group, Queue},
};

/// An open store: one thread that writes in groups, and readers. Cheap to clone; closed when the last clone is dropped,
/// after everything handed to it is written.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    path: PathBuf,
    queue: Arc<Queue>,
    runtime: Handle,
    readers: Readers,
    writer: Option<JoinHandle<()>>,
    /// Held for the life of the store; the system frees it however the process ends.
    _lock: File,
}

impl Db {
    /// Opens or creates the store and brings its schema up to date. Version n of the schema is the first n migrations:
    /// append to the list, never edit it. Writes are released on the runtime in whose context this is called.
    ///
    /// # Errors
    /// The file can't be used, another process holds it, or a newer version of the program wrote it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open(path: impl AsRef<Path>, migrations: &'static [&'static str]) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let lock = open::lock(&path)?;
        let mut connection = open::writer(&path)?;
        migrate::migrate(&mut connection, &path, migrations)?;

        let queue = Arc::new(Queue::default());
        let (released, groups) = mpsc::unbounded_channel();
        tokio::spawn(release(groups));
        let writer = std::thread::Builder::new()
            .name("store".into())
            .spawn({
                let (path, queue) = (path.clone(), queue.clone());
                move || writer::run(connection, &path, &queue, &released)
            })
            .map_err(|reason| StoreError::Open {
                path: path.clone(),
                reason: reason.to_string(),
            })?;
        let readers = Readers::new(&path);
        Ok(Self(Arc::new(Inner {
            path,
            queue,
            runtime: Handle::current(),
            readers,
            writer: Some(writer),
            _lock: lock,
        })))
    }

    /// Writes with the next group; returns when it is on the disk. All that the closure did is undone when it fails.
    /// It runs even when the future is dropped.
    ///
    /// # Errors
    /// [`StoreError::Statement`] when the closure failed, others when the store can't commit.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        self.push(Shape::Steps, work, move |outcome| drop(done.send(outcome)));
        outcome.await.unwrap_or_else(|_| Err(StoreError::closed(&self.0.path)))
    }

    /// As [`Db::write`] for a closure with at most one statement that changes data (it needs no savepoint), with a
    /// continuation instead of a future: `done` runs on the runtime together with the rest of its group, even when
    /// nobody waits any more.
    pub fn submit<T, F, D>(&self, work: F, done: D)
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        D: FnOnce(Result<T, StoreError>) + Send + 'static,
    {
        self.push(Shape::Statement, work, done);
    }

    /// Writes with some later group and wakes nobody for it. The closure has at most one statement that changes data, and
    /// is run again until a group with it is committed; then `done` runs on the runtime.
    pub fn submit_lazily<F, D>(&self, work: F, done: D)
    where
        F: FnMut(&Transaction<'_>) -> rusqlite::Result<()> + Send + 'static,
        D: FnOnce(Result<(), StoreError>) + Send + 'static,
    {
        self.0.queue.push_lazy(Box::new(Lazy { work, done }));
    }

    /// Reads on a connection of its own, off the runtime's threads. It sees everything that was committed before.
    ///
    /// # Errors
    /// [`StoreError::Statement`] when the closure failed.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let closed = || StoreError::closed(&self.0.path);
        let _turn = self.0.readers.turns().acquire().await.map_err(|_| closed())?;
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || inner.readers.run(work))
            .await
            .unwrap_or_else(|_| Err(closed()))
    }

    /// The store's file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    fn push<T, F, D>(&self, shape: Shape, work: F, done: D)
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        D: FnOnce(Result<T, StoreError>) + Send + 'static,
    {
        let first = self.0.queue.push(Box::new(Pending {
            shape,
            work: Some(work),
            value: None,
            done,
        }));
        if first {
            // Behind the tasks that are ready now: what they write joins the group, and the thread's wake costs one switch for all
            // of them (measured: 20 % less CPU a job under load).
            let queue = self.0.queue.clone();
            drop(self.0.runtime.spawn(async move { queue.wake() }));
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take()
            // A closure on the commit thread may have held the last clone: a thread can't join itself.
            && writer.thread().id() != std::thread::current().id()
        {
            drop(writer.join());
        }
    }
}

/// The one task that a commit wakes.
async fn release(mut groups: mpsc::UnboundedReceiver<Group>) {
    while let Some(group) = groups.recv().await {
        for (write, outcome) in group {
            write.release(outcome);
        }
    }
}
