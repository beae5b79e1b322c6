//! The end of work on a job: its mark in the store, its spans, its numbers.

use service::{
    system_time,
    telemetry::{KeyValue, SpanKind},
};

use store::StoreError;

use super::{Engine, Held};
use crate::{
    job::{Job, Outcome, State},
    storage::Mark,
    timeline::{Resumed, Timeline},
    trace::Done,
};

impl Engine {
    /// Marks the job with one of the next commit groups. It stays in memory until then, so that nobody loads it as it was.
    /// A crash in between repeats the work, which is harmless.
    pub(super) fn finish(&self, held: Held, mark: Mark, timeline: Timeline) {
        self.record(&held.job, &mark, timeline);
        let Held { row, job, permit, .. } = held;
        let (engine, state, next) = (self.clone(), mark.state, mark.next_attempt);
        self.0.shared.storage.mark(row, mark, move |written| {
            noted(&job, written);
            drop(permit);
            if let Some(at) = next {
                engine.wake(&job, state, at);
            }
        });
    }

    /// Marks a job as sent. It stays in memory: its arrival is looked for.
    pub(super) fn note_sent(&self, held: &Held, mark: Mark) {
        let job = held.job.clone();
        self.0
            .shared
            .storage
            .mark(held.row, mark, move |written| noted(&job, written));
    }

    /// Spans and numbers of the end of work on a job.
    pub(super) fn record(&self, job: &Job, mark: &Mark, timeline: Timeline) {
        let took = mark.changed.since(job.received);
        self.0.shared.counts.finished(job, mark.state, mark.outcome, took);
        tracing::debug!(
            job = job.id(),
            trace_id = %job.trace.id,
            code = job.code,
            state = mark.state.name(),
            outcome = mark.outcome.map_or("", Outcome::name),
            attempts = mark.progress.attempts,
            "work on the job ended"
        );
        if job.trace.sampled {
            self.export(job, mark, timeline);
        }
    }

    fn export(&self, job: &Job, mark: &Mark, timeline: Timeline) {
        let telemetry = &self.0.shared.telemetry;
        let (post, resumed, spans) = timeline.into_parts();
        let end = || {
            [
                KeyValue::new("bizproc.state", mark.state.name()),
                KeyValue::new("bizproc.outcome", mark.outcome.map_or("", Outcome::name)),
                KeyValue::new("bizproc.attempts", i64::from(mark.progress.attempts)),
            ]
        };
        let problem = mark.problem.clone().filter(|_| mark.state == State::Parked);
        if let Some(post) = post {
            let more = [
                KeyValue::new("bizproc.app", job.app.clone()),
                KeyValue::new("bizproc.job", job.id()),
                KeyValue::new("bizproc.workflow", job.workflow_id.clone()),
                KeyValue::new("bizproc.activity", job.code.clone()),
                KeyValue::new("bizproc.portal", job.member_id.clone()),
            ];
            let ended_here = end().into_iter().filter(|_| resumed.is_none());
            let mut done = Done::post(job.trace, post, more.into_iter().chain(ended_here));
            done.problem = problem.clone().filter(|_| resumed.is_none());
            job.trace.export(telemetry, done);
        }
        if let Some(resumed) = resumed {
            job.trace.export(telemetry, resume(job, resumed, mark, end(), problem));
        }
        for span in spans {
            job.trace.export(telemetry, span);
        }
    }
}

fn noted(job: &Job, written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::error!(job = job.id(), trace_id = %job.trace.id, %error, "a job's end could not be stored");
    }
}

/// The span of work on a job that had waited in the store.
fn resume(job: &Job, resumed: Resumed, mark: &Mark, ended: [KeyValue; 3], problem: Option<String>) -> Done {
    let mut attributes = vec![
        KeyValue::new("bizproc.job", job.id()),
        KeyValue::new("bizproc.waited_ms", resumed.waited_ms),
        KeyValue::new("bizproc.restarted", resumed.restarted),
    ];
    attributes.extend(
        resumed
            .problem
            .map(|problem| KeyValue::new("bizproc.waited_for", problem)),
    );
    attributes.extend(ended);
    Done {
        name: "resume".into(),
        kind: SpanKind::Internal,
        id: resumed.id,
        parent: job.trace.accept,
        start: resumed.start,
        end: system_time(mark.changed.into()).max(resumed.start),
        attributes,
        link: None,
        problem,
    }
}
