//! Runs jobs: from memory when they were just accepted, from the store when they had to wait.

mod answering;
mod finish;
mod lines;
mod loader;
mod memory;
mod retry;
mod schedule;
mod work;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

pub(crate) use self::memory::{Hold, Permit};
use self::{
    answering::Answering,
    lines::Lines,
    memory::{Memory, Whose},
};
use crate::{
    executor::Executors,
    job::{Job, Millis, Progress},
    panics,
    portal::Portals,
    shared::Shared,
    storage::RowId,
    timeline::Timeline,
};

/// The engine. Lives on the hot runtime: everything that it spawns runs there.
#[derive(Clone)]
pub(crate) struct Engine(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    executors: Executors,
    answering: Answering,
    memory: Arc<Memory>,
    lines: Lines,
    /// When this process began.
    started: Millis,
    /// It runs jobs: what it is given waits in the store otherwise.
    begun: AtomicBool,
}

/// A job in memory: its row, what happened to it, and its permit.
pub(crate) struct Held {
    pub(crate) row: RowId,
    pub(crate) job: Arc<Job>,
    pub(crate) progress: Progress,
    permit: Permit,
}

impl Engine {
    /// It runs nothing before it [begins](Self::begin).
    pub(crate) fn new(shared: Arc<Shared>, portals: Portals) -> Self {
        let limits = &shared.config.limits;
        let memory = Memory::new(limits.jobs_in_memory, limits.job_bytes_in_memory);
        let executors = Executors::new(limits.calls);
        let started = shared.now();
        Self(Arc::new(Inner {
            shared,
            executors,
            answering: Answering::new(portals),
            memory,
            lines: Lines::default(),
            started,
            begun: AtomicBool::new(false),
        }))
    }

    /// The work on the store is this process's. `newest`: number of the newest job in the store; all up to it have their next
    /// attempt there.
    pub(crate) fn begin(&self, newest: RowId) {
        self.0.memory.begin(newest);
        self.0.begun.store(true, Ordering::Release);
        self.wake_all();
    }

    /// Whether jobs run here.
    fn runs(&self) -> bool {
        self.0.begun.load(Ordering::Acquire) && self.0.shared.storage.work().is_ours()
    }

    /// A permit for a job that is about to be stored; `None`: it has to wait in the store.
    pub(crate) fn permit(&self, job: &Job, bytes: usize) -> Option<Permit> {
        if self.0.shared.lifecycle.is_stopping() || !self.runs() {
            return None;
        }
        self.0.memory.permit(Whose::of(job), bytes)
    }

    /// Runs a job that was just stored, without reading it back.
    pub(crate) fn start(&self, row: RowId, job: Arc<Job>, mut permit: Permit, timeline: Timeline) {
        permit.take_fresh(row);
        self.spawn(
            Held {
                row,
                job,
                progress: Progress::default(),
                permit,
            },
            timeline,
        );
    }

    /// Holds those of the rows that are not in memory, so that somebody else can change them in the store.
    pub(crate) fn hold(&self, rows: Vec<RowId>) -> Hold {
        self.0.memory.hold(rows)
    }

    /// All rows with a smaller id are over or have their next attempt in the store.
    pub(crate) fn settled(&self) -> RowId {
        self.0.memory.settled()
    }

    /// Jobs in memory.
    pub(crate) fn jobs(&self) -> usize {
        self.0.memory.jobs()
    }

    /// Returns when no job is in memory.
    pub(crate) async fn idle(&self) {
        self.0.memory.idle().await;
    }

    /// Closes connections to executors that no definition names any more.
    pub(crate) fn forget_executors(&self) {
        let Some(snapshot) = self.0.shared.latest.borrow().clone() else {
            return;
        };
        let named = snapshot.executor_uris();
        self.0.executors.retain(|uri| named.contains(uri));
    }

    pub(crate) fn now(&self) -> Millis {
        self.0.shared.now()
    }

    fn spawn(&self, held: Held, mut timeline: Timeline) {
        let engine = self.clone();
        // Its 3 KB would be moved seven times on the way into the task.
        tokio::spawn(Box::pin(async move {
            let mut held = held;
            let work = panics::caught(engine.work(&mut held, &mut timeline)).await;
            let mark = work.unwrap_or_else(|panicked| Some(engine.panicked(&mut held, &panicked)));
            match mark {
                Some(mark) => engine.finish(held, mark, timeline),
                None => engine.answer(held, timeline),
            }
        }));
    }
}
