//! What the tests of the services share: a service in the test's own process, waiting for what will be so, calls with a token.
//! For tests only: what goes wrong panics.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod ports;
pub mod postgres;

use std::{fmt::Debug, time::Duration};

pub use ports::free_ports;
use service::{Lifecycle, Parts};
use tokio::task::JoinHandle;
use tonic::Request;

/// Pause between two questions of [`until`].
const PAUSE: Duration = Duration::from_millis(5);
/// How often it asks: a minute at least, more than the slowest machine needs.
const TRIES: u32 = 12_000;

/// A service that runs in the test's process.
#[derive(Debug)]
pub struct Running {
    lifecycle: Lifecycle,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Starts a service's `run`, supervised as its program does it.
    pub fn start<F>(parts: Parts, run: impl FnOnce(Parts) -> F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let lifecycle = parts.lifecycle.clone();
        let run = run(parts);
        let task = tokio::spawn({
            let lifecycle = lifecycle.clone();
            async move { lifecycle.supervise(run).await }
        });
        Self { lifecycle, task }
    }

    /// The soft stop, with its drain.
    pub async fn stop(self) {
        self.lifecycle.stop();
        self.task.await.unwrap().unwrap();
    }

    /// As hard as it can be within a process: nothing is drained.
    pub async fn kill(self) {
        self.lifecycle.kill();
        // It fails, as it was not drained.
        drop(self.task.await.unwrap());
    }
}

/// Asks again and again until there is a value, and gives it. `Err` is what there is instead, told when it takes too long.
pub async fn until<T, E: Debug>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    for _ in 0..TRIES {
        if let Ok(value) = ask().await {
            return value;
        }
        tokio::time::sleep(PAUSE).await;
    }
    match ask().await {
        Ok(value) => value,
        Err(instead) => panic!("it is still so: {instead:?}"),
    }
}

/// A request with a bearer token.
pub fn authorised<M>(token: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}
