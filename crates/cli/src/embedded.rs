//! Services inside this process, each on a thread and a runtime of its own, as if it ran alone.

use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use service::{Lifecycle, Parts, SystemClock, Telemetry};

/// Services in the order they were started. They stop in the reverse: who calls before who is called.
#[derive(Default)]
pub(crate) struct Embedded {
    running: Vec<Running>,
}

struct Running {
    name: &'static str,
    lifecycle: Lifecycle,
    telemetry: Telemetry,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Embedded {
    /// Starts a service.
    pub(crate) fn start<F>(&mut self, name: &'static str, run: F) -> anyhow::Result<()>
    where
        F: AsyncFnOnce(Parts) -> anyhow::Result<()> + Send + 'static,
    {
        let (lifecycle, telemetry) = (Lifecycle::default(), Telemetry::from_env_as(name)?);
        let parts = Parts {
            clock: SystemClock::shared(),
            lifecycle: lifecycle.clone(),
            telemetry: telemetry.clone(),
        };
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let result = runtime.block_on(async {
                let lifecycle = parts.lifecycle.clone();
                lifecycle.supervise(run(parts)).await
            });
            runtime.shutdown_background();
            result.with_context(|| format!("{name} stopped"))
        };
        let thread = thread::Builder::new().name(name.into()).spawn(work)?;
        self.running.push(Running {
            name,
            lifecycle,
            telemetry,
            thread,
        });
        Ok(())
    }

    /// The lifecycle of each service, in the order they were started.
    pub(crate) fn lifecycles(&self) -> Vec<Lifecycle> {
        self.running.iter().map(|running| running.lifecycle.clone()).collect()
    }

    /// Stops the services one after the other and waits for each; the first failure is given.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for running in self.running.into_iter().rev() {
            running.lifecycle.stop();
            let result = running
                .thread
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("{} panicked", running.name)));
            running.telemetry.shutdown();
            outcome = outcome.and(result);
        }
        outcome
    }
}
