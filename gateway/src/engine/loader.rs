//! Takes jobs from the store when they are due and there is room.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Engine, Held};
use crate::{
    job::{Millis, State},
    storage::StoredJob,
    timeline::Timeline,
};

/// Jobs read at once.
const BATCH: usize = 256;
/// The store is read at this interval even if nothing is known to be due.
const FALLBACK: Duration = Duration::from_secs(5);

/// When the next job in the store is due, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Wake {
    at: Mutex<Option<Millis>>,
    changed: Notify,
}

impl Wake {
    /// Something is due then.
    pub(super) fn at(&self, time: Millis) {
        let mut at = self.at.lock();
        if at.is_none_or(|at| time < at) {
            *at = Some(time);
            self.changed.notify_one();
        }
    }

    fn take(&self) -> Option<Millis> {
        self.at.lock().take()
    }
}

impl Engine {
    /// Runs until the soft stop.
    pub(crate) async fn load(self) {
        let stopping = self.0.shared.lifecycle.stopping();
        loop {
            let changed = self.0.wake.changed.notified();
            let due = *self.0.wake.at.lock();
            let now = self.now();
            if due.is_none_or(|due| due > now) {
                let pause = due.map_or(FALLBACK, |due| due.since(now).min(FALLBACK));
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = changed => continue,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            let left = self.0.memory.left();
            if self.0.memory.room() == 0 {
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = left => continue,
                }
            }
            if stopping.is_cancelled() {
                return;
            }
            if let Err(error) = self.load_some().await {
                tracing::error!(%error, "waiting jobs could not be read");
                tokio::time::sleep(FALLBACK).await;
            }
        }
    }

    async fn load_some(&self) -> Result<(), store::StoreError> {
        self.0.wake.take();
        let memory = self.0.memory.clone();
        let (now, limit) = (self.now(), memory.room().min(BATCH));
        memory.begin_read();
        let is_held = Box::new(move |row| memory.holds(row));
        let read = self.0.shared.storage.reads().due(now, limit, is_held).await;
        let outcome = read.map(|due| {
            for time in due.next.into_iter().chain(due.more.then_some(now)) {
                self.0.wake.at(time);
            }
            for stored in due.jobs {
                if !self.resume(stored) {
                    // No room any more: it is still due.
                    self.0.wake.at(now);
                    break;
                }
            }
        });
        self.0.memory.end_read();
        outcome
    }

    /// Goes on with a job from the store; false when there is no room.
    fn resume(&self, stored: StoredJob) -> bool {
        let Some(mut permit) = self.0.memory.permit(stored.payload.len()) else {
            return false;
        };
        if !permit.take_loaded(stored.row) {
            return true;
        }
        if stored.state == State::Sent {
            self.look_for(stored, permit);
            return true;
        }
        let StoredJob {
            row,
            job,
            progress,
            changed,
            problem,
            ..
        } = stored;
        let timeline = Timeline::resumed(&job, changed, problem, self.now(), self.0.started);
        self.spawn(
            Held {
                row,
                job: Arc::new(job),
                progress,
                permit,
            },
            timeline,
        );
        true
    }
}
