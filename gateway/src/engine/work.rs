//! One job's work: the call that brings its answer, and what follows a failure of it or of a portal.

use std::time::Duration;

use activity::{Activity, OnFailure};
use service::{
    Backoff, system_time,
    telemetry::{self, KeyValue},
};

use super::{
    Engine, Held,
    retry::{self, Next},
};
use crate::{
    executor::{Call, Called, Executor, Failure, Pass, Shown},
    job::{Answer, Millis, Outcome, State},
    panics::Panicked,
    pause::Pause,
    portal::Verdict,
    snapshot::Definitions,
    storage::Mark,
    timeline::Timeline,
    trace,
};

/// Pauses before an answer goes out again that was refused for an unknown reason, or that had no token.
const AGAIN: Backoff = Backoff::seconds(2, 60);
/// The workflow is locked: measured portals hold a lock as long as the workflow runs.
const BUSY: [Duration; 3] = [Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(10)];
/// Jobs that wait for an executor come back within this time of each other.
const SPREAD: Backoff = Backoff::seconds(1, 1);

impl Engine {
    /// Works on a job until it has an answer to be sent; gives its mark when it is over or has to wait.
    pub(super) async fn work(&self, held: &mut Held, timeline: &mut Timeline) -> Option<Mark> {
        if held.progress.answer.is_none() {
            if let Err(mark) = self.obtain_answer(held, timeline).await {
                return Some(*mark);
            }
            held.progress.failures = 0;
        }
        (!held.job.subscription.answers()).then(|| self.mark(held, State::Done, Some(Outcome::NotWaiting)))
    }

    /// Calls the executor until there is an answer, or says why there is none for now.
    async fn obtain_answer(&self, held: &mut Held, timeline: &mut Timeline) -> Result<(), Box<Mark>> {
        let job = held.job.clone();
        let latest = self.0.shared.latest.borrow().clone();
        let definitions = latest
            .as_ref()
            .and_then(|snapshot| snapshot.definitions(&job.app, &job.revision));
        let activity = definitions.and_then(|definitions| definitions.find(&job.code));
        if self.now() >= job.deadline.at {
            return self.too_late(held, activity);
        }
        let (Some(snapshot), Some(definitions), Some(activity)) = (&latest, definitions, activity) else {
            let problem = format!("no definition of {} in revision {} is at hand", job.code, job.revision);
            // Without any snapshot nobody has said that there is none.
            let pause = if latest.is_some() {
                retry::undefined(job.received, self.now())
            } else {
                Some(retry::UNDEFINED)
            };
            return Err(Box::new(match pause {
                Some(pause) => self.rest(held, pause, problem),
                None => self.park(
                    held,
                    &format!("{problem} for an hour: deploy it again, then replay the job"),
                ),
            }));
        };
        let culture = snapshot.culture(&job.app, &job.member_id);
        let request = match activity.request(job.properties.values(), &culture) {
            Ok(request) => request,
            Err(error) => {
                held.progress.answer = Some(business(activity, "INVALID_ARGUMENT", &error.to_string()));
                return Ok(());
            }
        };

        let Some(pass) = self.pass(held, &definitions.uri).await? else {
            return self.too_late(held, Some(activity));
        };
        held.progress.attempts += 1;
        let left = job.deadline.at.since(self.now());
        let call = Call {
            job: &job,
            activity,
            attempt: held.progress.attempts,
            span: telemetry::span_id(),
            limit: activity
                .attempt_timeout()
                .unwrap_or(self.0.shared.config.limits.attempt_timeout)
                .min(left),
            response_bytes: self.0.shared.config.limits.response_bytes,
            clock: &*self.0.shared.clock,
        };
        let start = self.0.shared.clock.now();
        let called = call.run(&pass.executor, request).await;
        let end = self.0.shared.clock.now();
        let shown = called.as_ref().map_or_else(Failure::shows, |_| Shown::Well);
        pass.pass.done(shown, end.into());
        let took = start.duration_until(end).unsigned_abs();
        let result = called.as_ref().map_or_else(Failure::name, |_| "OK");
        self.0.shared.counts.call(&job, result, took);
        if job.trace.sampled {
            let mut attributes = call_attributes(activity, definitions, &called);
            attributes.push(KeyValue::new("bizproc.attempt", i64::from(held.progress.attempts)));
            let name = activity.path()[1..].to_owned();
            let when = (system_time(start), system_time(end));
            let span = timeline.client(job.trace, name, call.span, when, attributes);
            span.problem = called.as_ref().err().map(|failure| failure.problem.clone());
        }

        let answer = called.and_then(|response| {
            activity
                .answer(&response)
                .map_err(|error| Failure::ours(error.to_string()))
        });
        let failure = match answer {
            Ok(values) => {
                let values = serde_json::Value::Object(values).to_string();
                held.progress.answer = Some(Answer { values, error: None });
                return Ok(());
            }
            Err(failure) => failure,
        };
        match retry::next(&failure, &mut held.progress, job.deadline, self.now()) {
            Next::Attempt(at) => {
                tracing::info!(
                    job = job.id(), trace_id = %job.trace.id,
                    code = job.code,
                    problem = failure.problem,
                    attempt = held.progress.attempts,
                    "call failed, will be tried again"
                );
                let mut mark = self.mark(held, State::Accepted, None);
                mark.next_attempt = Some(at);
                mark.problem = Some(failure.problem);
                Err(Box::new(mark))
            }
            Next::Business(code) => {
                held.progress.answer = Some(business(activity, &code, &failure.problem));
                Ok(())
            }
            Next::GiveUp => self.give_up(held, Some(activity), &failure.problem),
        }
    }

    /// Waits for the job's turn to call the executor, and for the work to be ours; nothing when its deadline comes first.
    async fn pass(&self, held: &mut Held, uri: &str) -> Result<Option<Entered>, Box<Mark>> {
        let executor = self.0.executors.get(uri);
        let left = held.job.deadline.at.since(self.now());
        let turn = async {
            let entered = executor.enter(held.permit.portal(), self.now()).await;
            self.0.shared.storage.work().ours().await;
            entered
        };
        match tokio::time::timeout(left, turn).await {
            Err(_) => Ok(None),
            Ok(Ok(pass)) => Ok(Some(Entered { executor, pass })),
            Ok(Err(until)) => {
                let problem = "the executor can't be reached: the call waits";
                let mut mark = self.rest(held, Duration::ZERO, problem);
                mark.next_attempt = Some(until.after(SPREAD.delay(1)).min(held.job.deadline.at));
                Err(Box::new(mark))
            }
        }
    }

    /// The deadline has passed without an answer.
    fn too_late(&self, held: &mut Held, activity: Option<&Activity>) -> Result<(), Box<Mark>> {
        if held.job.deadline.timed {
            return Err(Box::new(self.mark(held, State::Done, Some(Outcome::Expired))));
        }
        self.give_up(held, activity, "the executor did not answer within a day")
    }

    /// The executor failed for good.
    fn give_up(&self, held: &mut Held, activity: Option<&Activity>, problem: &str) -> Result<(), Box<Mark>> {
        match activity {
            Some(activity) if activity.on_failure() == OnFailure::Answer => {
                tracing::warn!(
                    job = held.job.id(), trace_id = %held.job.trace.id,
                    code = held.job.code,
                    problem,
                    "the executor failed for good: answered as an error"
                );
                held.progress.answer = Some(business(activity, "EXECUTOR_FAILED", problem));
                Ok(())
            }
            _ => Err(Box::new(self.park(held, problem))),
        }
    }

    /// Our own code failed. What does so each time is for a person.
    pub(super) fn panicked(&self, held: &mut Held, Panicked(place): &Panicked) -> Mark {
        tracing::error!(job = held.job.id(), trace_id = %held.job.trace.id, place, "work on the job panicked");
        let problem = format!("the gateway's own code panicked at {place}");
        match retry::after_panic(&mut held.progress) {
            Some(pause) => self.rest(held, pause, problem),
            None => self.park(
                held,
                &format!("{problem}, and did not get further in three tries: report it, and replay the job with a version that is mended"),
            ),
        }
    }

    /// There is no token to send the answer with.
    pub(super) fn no_token(&self, held: &Held, problem: String) -> Mark {
        self.unsent(held, self.now().after(AGAIN.delay(held.progress.sends)), problem)
    }

    /// The portal did not take the answer.
    pub(super) fn refused(&self, held: &Held, pause: &Pause, verdict: &Verdict, problem: String) -> Mark {
        let now = self.now();
        match verdict {
            Verdict::Forbidden => self.park(held, &problem),
            Verdict::WorkflowGone => self.over(held, Outcome::WorkflowGone, problem),
            Verdict::PortalGone => self.over(held, Outcome::PortalGone, problem),
            Verdict::Pause(least) | Verdict::Closed(least) => self.unsent(held, pause.fails(now, *least), problem),
            Verdict::Barred => self.unsent(held, pause.fails(now, AGAIN.delay(held.progress.sends)), problem),
            Verdict::Busy => {
                let tries = BUSY.len().min(held.progress.sends.max(1) as usize);
                self.unsent(held, now.after(BUSY[tries - 1]), problem)
            }
            Verdict::Token | Verdict::Again => self.unsent(held, now.after(AGAIN.delay(held.progress.sends)), problem),
        }
    }

    /// An answer that must wait. Past the deadline it gets one attempt, then the job is parked.
    pub(super) fn unsent(&self, held: &Held, at: Millis, problem: impl Into<String>) -> Mark {
        let problem = problem.into();
        let deadline = held.job.deadline.at;
        if self.now() >= deadline && held.progress.sends > 0 {
            return self.park(held, &problem);
        }
        tracing::info!(job = held.job.id(), trace_id = %held.job.trace.id, problem, "the answer waits");
        let mut mark = self.mark(held, State::AnsweredUnsent, None);
        mark.next_attempt = Some(if self.now() < deadline { at.min(deadline) } else { at });
        mark.problem = Some(problem);
        mark
    }

    pub(super) fn over(&self, held: &Held, outcome: Outcome, problem: String) -> Mark {
        let mut mark = self.mark(held, State::Done, Some(outcome));
        mark.problem = Some(problem);
        mark
    }

    fn park(&self, held: &Held, problem: &str) -> Mark {
        tracing::warn!(
            job = held.job.id(), trace_id = %held.job.trace.id,
            code = held.job.code,
            problem,
            "parked: a person has to look"
        );
        let mut mark = self.mark(held, State::Parked, None);
        mark.problem = Some(problem.to_owned());
        mark
    }

    /// The job is tried again after a delay.
    pub(super) fn rest(&self, held: &Held, delay: Duration, problem: impl Into<String>) -> Mark {
        let state = if held.progress.answer.is_some() {
            State::AnsweredUnsent
        } else {
            State::Accepted
        };
        let mut mark = self.mark(held, state, None);
        mark.next_attempt = Some(self.now().after(delay).min(held.job.deadline.at));
        mark.problem = Some(problem.into());
        mark
    }

    pub(super) fn mark(&self, held: &Held, state: State, outcome: Option<Outcome>) -> Mark {
        let problem = held.progress.answer.as_ref().and_then(|answer| answer.error.clone());
        Mark {
            state,
            outcome,
            next_attempt: None,
            progress: held.progress.clone(),
            problem,
            changed: self.now(),
        }
    }
}

/// An executor that may be called.
struct Entered {
    executor: Executor,
    pass: Pass,
}

/// What the span of a call tells beside its name.
fn call_attributes(activity: &Activity, definitions: &Definitions, called: &Called) -> Vec<KeyValue> {
    let mut attributes = trace::rpc(&activity.path()[1..], &definitions.server);
    attributes.push(KeyValue::new("bizproc.executor", definitions.executor.clone()));
    match called {
        Ok(_) => attributes.push(KeyValue::new("rpc.grpc.status_code", 0)),
        Err(failure) => {
            if let Some(code) = failure.code {
                attributes.push(KeyValue::new("rpc.grpc.status_code", i64::from(code as i32)));
            }
            attributes.push(KeyValue::new("error.type", failure.name()));
        }
    }
    attributes
}

fn business(activity: &Activity, code: &str, message: &str) -> Answer {
    let values = serde_json::Value::Object(activity.error_answer(code, message)).to_string();
    Answer {
        values,
        error: Some(message.to_owned()),
    }
}
