//! When each installation is reconciled next.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use service::{SharedClock, backoff::jittered};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Reconciler;
use crate::{error::Error, installation::Key};

/// Passes at the same time over all portals.
const CONCURRENCY: usize = 16;
/// Least distance between passes that anybody on the internet can ask for.
const SPACING: Duration = Duration::from_secs(30);
/// Least distance between those that gateways ask for: answers wait for them, and refusals come in crowds.
const GATEWAYS: Duration = Duration::from_secs(2);
/// How far many installations are spread when all are due: this much each, a minute at most.
const SPREAD: Duration = Duration::from_millis(100);
const SPREAD_LIMIT: Duration = Duration::from_mins(1);

/// Runs passes when they are due.
pub(crate) struct Scheduler {
    clock: SharedClock,
    reconciler: Arc<Reconciler>,
    queue: Mutex<Queue>,
    wake: Notify,
}

/// Times are monotonic.
#[derive(Default)]
struct Queue {
    due: BTreeSet<(Duration, Key)>,
    at: HashMap<Key, Duration>,
    ended: HashMap<Key, Duration>,
}

impl Queue {
    /// An earlier time wins.
    fn put(&mut self, key: &Key, at: Duration) -> bool {
        if self.at.get(key).is_some_and(|before| *before <= at) {
            return false;
        }
        if let Some(before) = self.at.insert(key.clone(), at) {
            self.due.remove(&(before, key.clone()));
        }
        self.due.insert((at, key.clone()))
    }

    fn take(&mut self, now: Duration) -> Result<Key, Option<Duration>> {
        match self.due.first() {
            Some((at, _)) if *at <= now => {
                let (_, key) = self.due.pop_first().ok_or(None)?;
                self.at.remove(&key);
                Ok(key)
            }
            Some((at, _)) => Err(Some(at.saturating_sub(now))),
            None => Err(None),
        }
    }
}

impl Scheduler {
    /// Nothing is due.
    pub(crate) fn new(clock: SharedClock, reconciler: Arc<Reconciler>) -> Self {
        Self {
            clock,
            reconciler,
            queue: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Reconciles all installations of an app, or of all, soon; spread, if there are many.
    pub(crate) async fn all(&self, app: Option<&str>) -> Result<(), Error> {
        let installations = self.reconciler.installations.list(app).await?;
        let window = SPREAD
            .saturating_mul(u32::try_from(installations.len()).unwrap_or(u32::MAX))
            .min(SPREAD_LIMIT);
        let now = self.clock.monotonic();
        let mut queue = self.queue.lock();
        for installation in installations {
            queue.put(&installation.key, now + window.mul_f64(rand::random()));
        }
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    /// Reconciles one installation soon, though not more often than anybody on the internet may cause.
    pub(crate) fn soon(&self, key: &Key) {
        self.spaced(key, SPACING);
    }

    /// Reconciles one installation because a gateway's answer was refused.
    pub(crate) fn recheck(&self, key: &Key) {
        self.spaced(key, GATEWAYS);
    }

    fn spaced(&self, key: &Key, spacing: Duration) {
        let now = self.clock.monotonic();
        let mut queue = self.queue.lock();
        let earliest = queue.ended.get(key).map_or(now, |ended| (*ended + spacing).max(now));
        queue.put(key, earliest);
        drop(queue);
        self.wake.notify_one();
    }

    /// Reconciles one installation at once.
    pub(crate) fn now(&self, key: &Key) {
        self.queue.lock().put(key, self.clock.monotonic());
        self.wake.notify_one();
    }

    /// Sets the time of the next pass after one that was run by somebody else.
    pub(crate) fn after(&self, key: &Key, pause: Duration) {
        let now = self.clock.monotonic();
        let mut queue = self.queue.lock();
        queue.ended.insert(key.clone(), now);
        queue.put(key, now + jittered(pause));
        drop(queue);
        self.wake.notify_one();
    }

    /// Runs what is due, until the stop.
    pub(crate) async fn run(self: Arc<Self>, stopping: CancellationToken) {
        let turns = Arc::new(Semaphore::new(CONCURRENCY));
        while !stopping.is_cancelled() {
            let next = self.queue.lock().take(self.clock.monotonic());
            match next {
                Ok(key) => {
                    let Ok(turn) = turns.clone().acquire_owned().await else {
                        return;
                    };
                    let scheduler = self.clone();
                    self.reconciler.lifecycle.spawn("scheduled reconciliation", async move {
                        scheduler.pass(&key).await;
                        drop(turn);
                    });
                }
                Err(pause) => {
                    let woken = tokio::time::timeout(pause.unwrap_or(Duration::MAX), self.wake.notified());
                    let _stopped_or_not = stopping.run_until_cancelled(woken).await;
                }
            }
        }
    }

    async fn pass(&self, key: &Key) {
        match self.reconciler.run(key, &None).await {
            Ok(Some(report)) => self.after(key, report.again),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(app = key.app, member_id = key.member_id, %error, "a portal could not be reconciled");
                self.after(key, SPACING);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(member_id: &str) -> Key {
        Key {
            app: "demo".into(),
            member_id: member_id.into(),
        }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_earlier_time_wins() {
        let mut queue = Queue::default();
        assert!(queue.put(&key("a"), at(600)));
        assert!(queue.put(&key("a"), at(5)), "a trigger comes before the interval");
        assert!(!queue.put(&key("a"), at(30)), "a later one adds nothing");
        assert!(queue.put(&key("b"), at(7)));
        assert_eq!(queue.take(at(4)), Err(Some(at(1))));
        assert_eq!(queue.take(at(10)), Ok(key("a")));
        assert_eq!(queue.take(at(10)), Ok(key("b")));
        assert_eq!(queue.take(at(10_000)), Err(None), "each once");
    }
}
