//! Reading descriptors again, for ever: an executor may be down when we start, and may change while we run.

use std::{sync::Arc, time::Duration};

use service::{Backoff, Lifecycle, backoff::jittered};

use super::Catalog;
use crate::config::{Config, Descriptors};

/// How soon an executor that can't be read is tried again.
const RETRY: Backoff = Backoff::seconds(1, 60);
/// How often a file's time is looked at.
const FILE_POLL: Duration = Duration::from_secs(2);

/// One background task an executor; `changed` is told of the apps that got a new current set.
pub(crate) fn watch<F, W>(catalog: &Arc<Catalog>, config: &Config, lifecycle: &Lifecycle, changed: F)
where
    F: Fn(Vec<String>) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = ()> + Send,
{
    for (name, executor) in &config.executors {
        let period = match executor.descriptors {
            Descriptors::Reflection => config.reread_interval,
            Descriptors::File(_) => FILE_POLL,
        };
        let (catalog, name, changed, stopping) = (catalog.clone(), name.clone(), changed.clone(), lifecycle.stopping());
        lifecycle.spawn("definitions", async move {
            let mut failures = 0;
            while let Some(loaded) = stopping.run_until_cancelled(catalog.load(&name)).await {
                failures = if loaded.is_ok() { 0 } else { failures + 1 };
                // Who starts together with us may need a second.
                if failures != 1 {
                    catalog.settled(&name);
                }
                let wait = if let Ok(apps) = loaded {
                    if !apps.is_empty() {
                        changed(apps).await;
                    }
                    jittered(period)
                } else {
                    RETRY.delay(failures).min(period)
                };
                stopping.run_until_cancelled(tokio::time::sleep(wait)).await;
            }
        });
    }
}
