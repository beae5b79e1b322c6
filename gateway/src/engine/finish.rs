//! The end of work on a job: its mark in the store, its spans, its numbers.

use service::telemetry::{KeyValue, SpanKind};

use super::{Engine, Held, Timeline};
use crate::{job::State, persist::mark::Mark, trace::Done};

impl Engine {
    /// Marks the job with one of the next commit groups. It stays in memory until then, so that nobody loads it as it was.
    /// A crash in between repeats the work, which is harmless.
    pub(super) fn finish(&self, held: Held, mark: Mark, timeline: Timeline) {
        let Held { row, job, seat, .. } = held;
        let took = mark.changed.since(job.received);
        self.0.shared.counts.finished(mark.state, mark.outcome, took);
        if job.trace.sampled {
            self.export(&job, &mark, timeline);
        }
        let (engine, next) = (self.clone(), mark.next_attempt);
        self.0.shared.db.submit_lazily(
            move |tx| mark.write(tx, row),
            move |written| {
                if let Err(error) = written {
                    tracing::error!(job = job.id(), %error, "a job's end could not be stored");
                }
                drop(seat);
                if let Some(at) = next {
                    engine.wake(at);
                }
            },
        );
    }

    fn export(&self, job: &crate::job::Job, mark: &Mark, timeline: Timeline) {
        let telemetry = &self.0.shared.telemetry;
        if let Some((start, end)) = timeline.accept() {
            let attributes = vec![
                KeyValue::new("http.request.method", "POST"),
                KeyValue::new("http.response.status_code", 200),
                KeyValue::new("bizproc.app", job.app.clone()),
                KeyValue::new("bizproc.job", job.id()),
                KeyValue::new("bizproc.workflow", job.workflow_id.clone()),
                KeyValue::new("bizproc.activity", job.code.clone()),
                KeyValue::new("bizproc.portal", job.member_id.clone()),
                KeyValue::new("bizproc.state", mark.state.name()),
                KeyValue::new("bizproc.outcome", mark.outcome.map_or("", crate::job::Outcome::name)),
            ];
            let problem = mark.problem.clone().filter(|_| mark.state == State::Parked);
            let id = job.trace.accept;
            let done = Done {
                name: "accept",
                kind: SpanKind::Server,
                id,
                start,
                end,
                attributes,
                problem,
            };
            job.trace.export(telemetry, done);
        }
        for span in timeline.into_spans() {
            job.trace.export(telemetry, span);
        }
    }
}
