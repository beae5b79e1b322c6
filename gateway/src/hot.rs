//! The hot path's runtime: one thread. A work-stealing runtime costs 9 to 12 µs more a job, and the rest of the service
//! must not share its thread.

use std::{io, thread::JoinHandle, time::Duration};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// Reads of the store that still run when the thread ends.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// The thread; it ends when dropped, with all that runs on it.
pub(crate) struct Hot {
    handle: Handle,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Hot {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .thread_name("gateway-reads")
            .enable_all()
            .build()?;
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let thread = std::thread::Builder::new().name("gateway-hot".into()).spawn({
            let stop = stop.clone();
            move || {
                runtime.block_on(stop.cancelled());
                runtime.shutdown_timeout(SHUTDOWN);
            }
        })?;
        Ok(Self {
            handle,
            stop,
            thread: Some(thread),
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Hot {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic there was logged where it happened.
            drop(thread.join());
        }
    }
}
