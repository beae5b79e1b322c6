//! Takes jobs from the store when they are due and there is room, each line in its turn.

use std::{sync::Arc, time::Duration};

use super::{Engine, Held, lines::Turn, memory::Whose};
use crate::{
    job::{Job, Millis, State},
    storage::{Line, StoredJob},
    timeline::Timeline,
};

/// Jobs of a turn.
const BATCH: usize = 128;
/// All lines are asked for at this interval, even if nothing is known to be due.
const FALLBACK: Duration = Duration::from_secs(10);

/// Lines that are due and have no turn are looked at again after this.
const BLOCKED: Duration = Duration::from_millis(500);

impl Engine {
    /// The job waits in the store, in this state, and is due then.
    pub(crate) fn wake(&self, job: &Job, state: State, at: Millis) {
        // Another process hears of it by the store.
        if self.runs() {
            self.0.lines.wake(Line::of(job, state), at);
        }
    }

    /// Jobs in the store are due that nobody names.
    pub(crate) fn wake_all(&self) {
        self.0.lines.wake_all();
    }

    /// Runs until the soft stop.
    pub(crate) async fn load(self) {
        let stopping = self.0.shared.lifecycle.stopping();
        let mut asked: Option<Millis> = None;
        loop {
            let (changed, left) = (self.0.lines.changed(), self.0.memory.left());
            if stopping.is_cancelled() {
                return;
            }
            let now = self.now();
            let old = asked.is_none_or(|asked| now.since(asked) >= FALLBACK || now < asked);
            let worked = if self.0.lines.take_unknown() || old {
                asked = Some(now);
                self.ask().await.map(|()| true)
            } else {
                self.load_turn(now).await
            };
            match worked {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "waiting jobs could not be read");
                    tokio::time::sleep(FALLBACK / 2).await;
                    self.0.lines.wake_all();
                    continue;
                }
            }
            let (next, is_due) = self.0.lines.next(now);
            // What is due has no room, or waits for an executor: that may end.
            let longest = if is_due { BLOCKED } else { FALLBACK };
            let pause = next.map_or(longest, |next| next.since(now).min(longest));
            tokio::select! {
                () = stopping.cancelled() => return,
                () = changed => {}
                () = left, if is_due => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn ask(&self) -> Result<(), store::StoreError> {
        let lines = self.0.shared.storage.reads().lines(None).await?;
        self.0.lines.found(lines);
        Ok(())
    }

    /// One turn, if a line is due for which there is room.
    async fn load_turn(&self, now: Millis) -> Result<bool, store::StoreError> {
        let memory = self.0.memory.clone();
        let latest = self.0.shared.latest.borrow().clone();
        let room = |line: &Line| {
            // Jobs of an executor that can't be reached stay where they are.
            let definitions = latest
                .as_ref()
                .filter(|_| line.state == State::Accepted)
                .and_then(|snapshot| snapshot.definitions(&line.app, &line.revision));
            match definitions.and_then(|definitions| self.0.executors.closed(&definitions.uri, now)) {
                Some(_) => 0,
                None => memory.room(Whose::of_line(line)),
            }
        };
        let Some(Turn { line, room, behind }) = self.0.lines.turn(now, room) else {
            return Ok(false);
        };
        memory.begin_read();
        let held = memory.clone();
        let is_held = Box::new(move |row| held.holds(row));
        let reads = self.0.shared.storage.reads();
        let read = reads.due(line.clone(), now, room.min(BATCH), behind, is_held).await;
        let outcome = read.map(|due| {
            let mut place = behind;
            let mut more = due.more;
            for (at, stored) in due.jobs {
                if !self.resume(stored) {
                    // No room any more: it is still due.
                    more = true;
                    break;
                }
                place = Some(at);
            }
            if more {
                self.0.lines.done(&line, Some(now), place);
            } else {
                self.0.lines.done(&line, due.next, None);
            }
        });
        memory.end_read();
        outcome.map(|()| true)
    }

    /// Goes on with a job from the store; false when there is no room.
    fn resume(&self, stored: StoredJob) -> bool {
        let whose = Whose::of(&stored.job);
        let Some(mut permit) = self.0.memory.permit(whose, stored.payload.len()) else {
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
