//! Callbacks: authenticated or quarantined, durable, then 200. Nothing else happens before the 200.

use std::sync::Arc;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bitrix::post::Callback;
use service::{system_time, telemetry::KeyValue};
use tokio::sync::oneshot;

use super::{arrival::Arrival, gate::Gate, refusal::Refusal};
use crate::{
    admission::{self, NotAdmitted},
    job::{Job, State, property_pairs},
    storage::{Accept, Inserted, Quarantined},
    timeline::Timeline,
    trace::{Done, Post, Trace},
};

/// Takes a callback.
pub(super) async fn accept(
    gate: &Gate,
    arrival: &Arrival<'_>,
    callback: Callback,
    body: &[u8],
) -> Result<Response, Refusal> {
    let trace = Trace::begin(&gate.shared.telemetry);
    gate.shared.counts.delivered(arrival.at, callback.ts);
    let snapshot = gate.shared.latest.borrow().clone();
    let verdict = admission::admit(snapshot.as_deref(), arrival.app, arrival.revision, &callback);
    match verdict {
        Ok(revision) => {
            let job = Job::of_callback(callback, arrival.app, revision, arrival.at.into(), trace);
            store(gate, arrival, job, property_pairs(body)).await
        }
        Err(reason) => {
            let revision = arrival.revision.unwrap_or_default();
            let job = Job::of_callback(callback, arrival.app, revision, arrival.at.into(), trace);
            Box::pin(quarantine(gate, arrival, job, body, reason)).await
        }
    }
}

async fn store(gate: &Gate, arrival: &Arrival<'_>, job: Job, payload: Vec<u8>) -> Result<Response, Refusal> {
    let job = Arc::new(job);
    let permit = gate.engine.permit(&job, payload.len());
    let next_attempt = if permit.is_some() { None } else { Some(job.received) };
    let (told, outcome) = oneshot::channel();
    let accept = Accept {
        job: job.clone(),
        payload,
        next_attempt,
    };
    // The job begins in the continuation of the commit, not here: a portal that hangs up before its 200 must not leave
    // an accepted job behind that nobody runs.
    let begin = {
        let (engine, clock, counts) = (
            gate.engine.clone(),
            gate.shared.clock.clone(),
            gate.shared.counts.clone(),
        );
        let (start, telemetry) = (arrival.at, gate.shared.telemetry.clone());
        let path = job.trace.sampled.then(|| arrival.path.into());
        move |inserted: Result<Inserted, store::StoreError>| {
            match (&inserted, permit) {
                (Ok(Inserted::New(row)), Some(permit)) => {
                    let durable = clock.now();
                    counts.accepted(start.duration_until(durable).unsigned_abs());
                    let post = Post {
                        start: system_time(start),
                        end: system_time(durable),
                        path,
                    };
                    engine.start(*row, job, permit, Timeline::accepted(post));
                }
                (Ok(Inserted::New(_)), None) => {
                    counts.accepted(start.duration_until(clock.now()).unsigned_abs());
                    engine.wake(&job, State::Accepted, job.received);
                }
                (Ok(Inserted::Promoted(_)), _) => {
                    let post = Post {
                        start: system_time(start),
                        end: system_time(clock.now()),
                        path,
                    };
                    let promoted = [KeyValue::new("bizproc.promoted", true)];
                    job.trace.export(&telemetry, Done::post(job.trace, post, promoted));
                    engine.wake(&job, State::Accepted, job.received);
                }
                (Ok(Inserted::Repeat) | Err(_), _) => {}
            }
            // Fails when the portal has hung up.
            drop(told.send(inserted));
        }
    };
    gate.shared.storage.accept(accept, begin);
    match outcome.await {
        Ok(Ok(_)) => Ok(StatusCode::OK.into_response()),
        Ok(Err(error)) => Err(unstored(gate, &error)),
        Err(_) => Err(Refusal::Store),
    }
}

async fn quarantine(
    gate: &Gate,
    arrival: &Arrival<'_>,
    job: Job,
    body: &[u8],
    reason: NotAdmitted,
) -> Result<Response, Refusal> {
    let place = gate
        .quarantine
        .place(&arrival.source, body.len())
        .ok_or(Refusal::QuarantineFull)?;
    let sealed = gate.shared.sealer.seal(job.key.as_bytes(), body).map_err(|error| {
        tracing::error!(%error, "a callback could not be sealed");
        Refusal::Store
    })?;
    tracing::info!(
        app = arrival.app,
        job = job.id(),
        trace_id = %job.trace.id,
        code = job.code,
        reason = reason.name(),
        "callback quarantined"
    );
    gate.shared.counts.quarantined(reason.name());
    let (trace, start, id) = (job.trace, arrival.at, job.id());
    let callback = Quarantined {
        job,
        sealed,
        source: arrival.source.clone(),
    };
    gate.quarantine
        .store(callback, place)
        .await
        .map_err(|error| unstored(gate, &error))?;
    if trace.sampled {
        let post = Post {
            start: system_time(start),
            end: system_time(gate.shared.clock.now()),
            path: Some(arrival.path.into()),
        };
        let more = [
            KeyValue::new("bizproc.app", arrival.app.to_owned()),
            KeyValue::new("bizproc.job", id),
            KeyValue::new("bizproc.state", State::Quarantined.name()),
            KeyValue::new("bizproc.quarantined", reason.name()),
        ];
        trace.export(&gate.shared.telemetry, Done::post(trace, post, more));
    }
    Ok(StatusCode::OK.into_response())
}

/// 503 asks the portal to try again. It won't, but a 200 for what isn't stored would be a lie.
pub(super) fn unstored(gate: &Gate, error: &store::StoreError) -> Refusal {
    gate.shared.health.failed(error);
    Refusal::Store
}
