//! Works on quarantined jobs: asks the registrar for a proof, waits for definitions, accepts or discards.

use std::{sync::Arc, time::Duration};

use bitrix::post::{Callback, Post, classify};
use futures::{StreamExt, stream};
use proto::registrar::v1::{ProveCallbackRequest, ProveCallbackResponse, Verdict};
use service::{
    system_time,
    telemetry::{self, SpanKind, TraceId},
};
use store::StoreError;
use tonic::Status;

use super::Quarantine;
use crate::{
    admission, auth,
    engine::Engine,
    job::{Job, Millis, property_pairs},
    registrar::{PROVE_CALLBACK, ended},
    shared::Shared,
    snapshot::{Authenticity, Latest, Snapshot},
    storage::{Decision, QuarantinedJob, RowId, Step, StoredJob},
    trace::Done,
};

/// A job without proof or definitions is parked after this time.
const LONGEST: Duration = Duration::from_hours(1);
/// Proofs at once: each is a request to the OAuth server.
const PROOFS: usize = 8;
/// Entries looked at in one pass.
const BATCH: u32 = 64;
/// The store is read at this interval even if nothing is known to be due.
const FALLBACK: Duration = Duration::from_secs(5);

/// The worker, with all it needs.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) quarantine: Arc<Quarantine>,
    pub(crate) engine: Engine,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Something is due.
    Look,
    /// Snapshots changed: everything is.
    LookAtAll,
    /// There will be no more snapshots: the service stops.
    End,
}

impl Worker {
    /// Runs until the soft stop.
    pub(crate) async fn run(self) {
        let stopping = self.shared.lifecycle.stopping();
        let mut latest = self.shared.latest.clone();
        loop {
            let full = match self.pass().await {
                Ok(full) => full,
                Err(error) => {
                    tracing::error!(%error, "the quarantine could not be looked at");
                    false
                }
            };
            if full && !stopping.is_cancelled() {
                continue;
            }
            let pause = self.pause().await;
            let came = tokio::select! {
                () = stopping.cancelled() => return,
                came = next(&self.quarantine, &mut latest, pause) => came,
            };
            match came {
                Next::Look => {}
                Next::LookAtAll => self.wake().await,
                Next::End => return,
            }
        }
    }

    /// What is known has changed: everything is looked at again.
    async fn wake(&self) {
        let now = self.shared.now();
        if let Err(error) = self.shared.storage.wake_quarantine(now).await {
            tracing::warn!(%error, "the quarantine could not be woken");
        }
    }

    async fn pause(&self) -> Duration {
        match self.shared.storage.reads().next_quarantined().await {
            Ok(Some(next)) => next.since(self.shared.now()).clamp(Duration::from_millis(10), FALLBACK),
            _ => FALLBACK,
        }
    }

    /// Whether there may be more to do.
    async fn pass(&self) -> Result<bool, StoreError> {
        let now = self.shared.now();
        let due = self.shared.storage.reads().quarantined(now, BATCH).await?;
        let looked_at = due.len();
        stream::iter(due)
            .for_each_concurrent(PROOFS, |QuarantinedJob { stored, source }| async move {
                let (row, id, trace) = (stored.row, stored.job.id(), stored.job.trace.id);
                let step = self.look(&stored, source).await;
                if let Err(error) = self.take(row, (&id, trace), stored.job.received, step).await {
                    tracing::error!(job = id, trace_id = %trace, %error, "a quarantined job could not be changed");
                }
            })
            .await;
        if looked_at > 0 {
            self.quarantine.recount().await?;
        }
        Ok(looked_at == BATCH as usize)
    }

    /// Without a source its sender was proved at an earlier look.
    async fn look(&self, stored: &StoredJob, source: Option<String>) -> Step {
        let job = &stored.job;
        let body = match self.shared.sealer.open(job.key.as_bytes(), &stored.payload) {
            Ok(body) => body,
            Err(error) => return Step::Park(error.to_string()),
        };
        let Ok(Post::Callback(callback)) = classify(&body, None, &self.shared.config.limits.form()) else {
            return Step::Park("the stored body is no callback any more".into());
        };
        let Some(snapshot) = self.shared.latest.borrow().clone() else {
            return Step::Wait("the registrar has told nothing yet".into());
        };
        if !snapshot.has_app(&job.app) {
            return Step::Discard("no app has this name".into());
        }
        if let Some(source) = source
            && let Err(step) = self.prove(&snapshot, job, &callback, source).await
        {
            return step;
        }
        match admission::revision(&snapshot, &job.app, Some(&job.revision), &job.code) {
            Ok(revision) => Step::Accept {
                revision,
                pairs: property_pairs(&body),
            },
            Err(reason) => Step::Proved(format!("waits for definitions: {}", reason.name())),
        }
    }

    /// Proves the sender: by its secret, which may be known by now, else by its own token.
    async fn prove(&self, snapshot: &Snapshot, job: &Job, callback: &Callback, source: String) -> Result<(), Step> {
        if snapshot.authenticates(&job.app, &callback.auth) == Authenticity::Authentic {
            return Ok(());
        }
        let request = ProveCallbackRequest {
            app: job.app.clone(),
            auth: Some(auth::wire(&callback.auth)),
            source,
        };
        let response = match self.ask(job, request).await {
            Ok(response) => response,
            Err(status) => return Err(Step::Wait(format!("no proof could be had: {}", status.message()))),
        };
        match response.verdict() {
            Verdict::Proved => Ok(()),
            Verdict::Disproved => Err(Step::Discard(format!("disproved: {}", response.reason))),
            Verdict::Unknown | Verdict::Unspecified => Err(Step::Wait(format!("not proved: {}", response.reason))),
        }
    }

    /// Asks the registrar for a proof, in the trace of the callback.
    async fn ask(&self, job: &Job, request: ProveCallbackRequest) -> Result<ProveCallbackResponse, Status> {
        let Shared {
            registrar,
            clock,
            telemetry,
            ..
        } = &*self.shared;
        let (id, start) = (telemetry::span_id(), system_time(clock.now()));
        let result = registrar.prove_callback(request, &job.trace.context(id)).await;
        if job.trace.sampled {
            let mut attributes = registrar.attributes(PROVE_CALLBACK);
            attributes.extend(ended(&result));
            let span = Done {
                name: PROVE_CALLBACK.into(),
                kind: SpanKind::Client,
                id,
                parent: job.trace.accept,
                start,
                end: system_time(clock.now()),
                attributes,
                link: None,
                problem: result.as_ref().err().map(|status| status.message().to_owned()),
            };
            job.trace.export(telemetry, span);
        }
        result
    }

    async fn take(
        &self,
        row: RowId,
        (id, trace_id): (&str, TraceId),
        received: Millis,
        step: Step,
    ) -> Result<(), StoreError> {
        let now = self.shared.now();
        let age = now.since(received);
        let step = match step {
            Step::Wait(problem) | Step::Proved(problem) if age >= LONGEST => Step::Park(problem),
            step => step,
        };
        let accepted = matches!(step, Step::Accept { .. });
        match &step {
            Step::Accept { .. } => tracing::info!(job = id, %trace_id, "quarantined job accepted"),
            Step::Discard(problem) => {
                tracing::warn!(job = id, %trace_id, problem, "quarantined job dropped");
                self.shared.counts.dropped("disproved");
            }
            Step::Park(problem) => tracing::warn!(job = id, %trace_id, problem, "quarantined job parked"),
            Step::Wait(_) | Step::Proved(_) => {}
        }
        // Waits grow with the age.
        let next = now.after((age / 2).clamp(Duration::from_secs(1), Duration::from_mins(5)));
        let evicted = self.shared.storage.decide(Decision { row, step, now, next }).await?;
        for _ in 0..evicted {
            self.shared.counts.dropped("unproved");
        }
        if accepted {
            self.engine.wake_all();
        }
        Ok(())
    }
}

async fn next(quarantine: &Quarantine, latest: &mut Latest, pause: Duration) -> Next {
    tokio::select! {
        () = quarantine.callbacks.notified() => Next::Look,
        changed = latest.changed() => if changed.is_ok() { Next::LookAtAll } else { Next::End },
        () = tokio::time::sleep(pause) => Next::Look,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::{
        config::{Limits, Store},
        storage::Storage,
    };

    #[tokio::test(start_paused = true)]
    async fn without_more_snapshots_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store {
            path: folder.path().join("gateway.db"),
            ..Store::default()
        };
        let storage = Storage::open(&store).await.unwrap();
        let quarantine = Quarantine::new(storage, &Limits::default());
        let (sender, mut latest) = watch::channel(None);
        let mut next = async || next(&quarantine, &mut latest, FALLBACK).await;
        assert_eq!(next().await, Next::Look, "after the pause");
        quarantine.callbacks.notify_one();
        assert_eq!(next().await, Next::Look);
        sender.send_replace(None);
        assert_eq!(next().await, Next::LookAtAll);
        drop(sender);
        assert_eq!(next().await, Next::End);
    }
}
