//! When a service stops, and what it waits for.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// When one service stops: a soft stop that lets running work finish, a hard stop for what does not, and the background tasks
/// that both act on. Clones share the state.
#[derive(Clone)]
pub struct Lifecycle(Arc<Shared>);

struct Shared {
    stopping: CancellationToken,
    killed: CancellationToken,
    tasks: TaskTracker,
    drain_limit: Duration,
    failed: AtomicBool,
}

impl Lifecycle {
    /// Longest drain unless configured otherwise: below the 30 s after which Kubernetes kills.
    pub const DRAIN_LIMIT: Duration = Duration::from_secs(25);

    /// With a drain that takes at most `drain_limit`.
    pub fn new(drain_limit: Duration) -> Self {
        let killed = CancellationToken::new();
        Self(Arc::new(Shared {
            // The hard stop implies the soft one.
            stopping: killed.child_token(),
            killed,
            tasks: TaskTracker::new(),
            drain_limit,
            failed: AtomicBool::new(false),
        }))
    }

    /// Cancelled by the soft stop: take no new work, finish what is running.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Cancelled by the hard stop: return now.
    pub fn killed(&self) -> CancellationToken {
        self.0.killed.clone()
    }

    /// Whether the soft stop has begun.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.is_cancelled()
    }

    /// Begins the soft stop.
    pub fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// The hard stop.
    pub fn kill(&self) {
        self.0.killed.cancel();
    }

    /// Runs a background task that the drain waits for and the hard stop aborts. A panic in it stops the service and
    /// makes [`Lifecycle::supervise`] fail: a service without one of its parts must not linger.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let life = self.clone();
        self.0.tasks.spawn(async move {
            let mut task = tokio::spawn(task);
            tokio::select! {
                ended = &mut task => if let Err(error) = ended && error.is_panic() {
                    tracing::error!(task = name, "background task panicked");
                    life.0.failed.store(true, Ordering::Relaxed);
                    life.stop();
                },
                () = life.0.killed.cancelled() => task.abort(),
            }
        });
    }

    /// Returns when all background tasks have ended.
    pub async fn drained(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Turns SIGTERM and SIGINT into the soft stop, a second one into the hard stop.
    pub fn stop_on_signals(&self) -> io::Result<()> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let life = self.clone();
        tokio::spawn(async move {
            for step in [Self::stop, Self::kill] {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                tracing::info!(signal = name, again = life.is_stopping(), "signal received");
                step(&life);
            }
        });
        Ok(())
    }

    /// Drives a service's `run` to its end: when it returns, or the soft stop begins, waits for it and for the
    /// background tasks, at most for the drain limit.
    ///
    /// # Errors
    /// What `run` failed with; a background task's panic; a drain that did not end in time.
    pub async fn supervise<F>(&self, run: F) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        let work = async {
            let result = run.await;
            self.stop();
            self.drained().await;
            result
        };
        let limit = async {
            self.0.stopping.cancelled().await;
            tokio::select! {
                () = tokio::time::sleep(self.0.drain_limit) => {}
                () = self.0.killed.cancelled() => {}
            }
        };
        let result = tokio::select! {
            biased;
            result = work => result,
            () = limit => {
                let forced = self.0.killed.is_cancelled();
                self.kill();
                Err(if forced {
                    anyhow::anyhow!("stopped by force before all work was done")
                } else {
                    anyhow::anyhow!("work was still going on {:?} after the stop began", self.0.drain_limit)
                })
            }
        };
        if result.is_ok() && self.0.failed.load(Ordering::Relaxed) {
            anyhow::bail!("a background task panicked");
        }
        result
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new(Self::DRAIN_LIMIT)
    }
}

impl fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lifecycle")
            .field("stopping", &self.is_stopping())
            .field("killed", &self.0.killed.is_cancelled())
            .field("tasks", &self.0.tasks.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_soft_stop_waits_for_tasks() {
        let life = Lifecycle::default();
        let done = Arc::new(AtomicBool::new(false));
        let (stopping, flag) = (life.stopping(), done.clone());
        life.spawn("worker", async move {
            stopping.cancelled().await;
            tokio::task::yield_now().await;
            flag.store(true, Ordering::Relaxed);
        });
        life.stop();
        let stopping = life.stopping();
        life.supervise(async move {
            stopping.cancelled().await;
            Ok(())
        })
        .await
        .unwrap();
        assert!(done.load(Ordering::Relaxed));
        assert!(!life.killed().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_ends_at_its_limit() {
        let life = Lifecycle::new(Duration::from_secs(3));
        life.stop();
        let error = life.supervise(std::future::pending()).await.unwrap_err();
        assert_eq!(error.to_string(), "work was still going on 3s after the stop began");
        assert!(life.killed().is_cancelled());
    }

    #[tokio::test]
    async fn a_hard_stop_waits_for_nothing() {
        let life = Lifecycle::default();
        life.spawn("stuck", std::future::pending());
        life.kill();
        assert!(life.is_stopping());
        let error = life.supervise(std::future::pending()).await.unwrap_err();
        assert_eq!(error.to_string(), "stopped by force before all work was done");
    }

    #[tokio::test]
    async fn a_panic_in_a_task_stops_the_service() {
        let life = Lifecycle::default();
        life.spawn("broken", async { panic!("on purpose") });
        let stopping = life.stopping();
        let error = life
            .supervise(async move {
                stopping.cancelled().await;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "a background task panicked");
    }

    #[tokio::test]
    async fn an_error_of_run_is_the_result() {
        let life = Lifecycle::default();
        let error = life.supervise(async { anyhow::bail!("no store") }).await.unwrap_err();
        assert_eq!(error.to_string(), "no store");
        assert!(life.is_stopping());
    }
}
