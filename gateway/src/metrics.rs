//! What is counted.

use std::{sync::atomic::AtomicI64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::job::{Outcome, State};

/// The gateway's counts.
pub(crate) struct Counts {
    posts: Family<Shape, Counter>,
    refused: Family<Reason, Counter>,
    quarantined: Family<Reason, Counter>,
    dropped: Family<Reason, Counter>,
    accept: Histogram,
    finished: Family<End, Counter>,
    answer: Histogram,
    calls: Family<Call, Counter>,
    call: Histogram,
    sends: Family<Success, Counter>,
    send: Histogram,
    waiting: Family<InState, Gauge>,
    oldest: Family<InState, Gauge<i64, AtomicI64>>,
    // What happens on every job is looked up once: a family's look-up takes a lock and hashes its labels.
    accepted: Counter,
    answered: Counter,
    sent: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shape {
    shape: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct End {
    state: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    executor: String,
    ok: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Success {
    ok: &'static str,
}

impl Counts {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        // 100 us to 13 s.
        let durations = || Histogram::new(exponential_buckets(0.0001, 2.5, 14));
        let finished = Family::<End, Counter>::default();
        let answered = finished
            .get_or_create(&End {
                state: State::Sent.name(),
                outcome: Outcome::Answered.name(),
            })
            .clone();
        let posts = Family::<Shape, Counter>::default();
        let accepted = posts.get_or_create(&Shape { shape: "callback" }).clone();
        let sends = Family::<Success, Counter>::default();
        let sent = sends.get_or_create(&Success { ok: "true" }).clone();
        let counts = Self {
            posts,
            refused: Family::default(),
            quarantined: Family::default(),
            dropped: Family::default(),
            accept: durations(),
            finished,
            answer: Histogram::new(exponential_buckets(0.001, 3.0, 16)),
            calls: Family::default(),
            call: durations(),
            sends,
            send: durations(),
            waiting: Family::default(),
            oldest: Family::default(),
            accepted,
            answered,
            sent,
        };
        counts.register(registry);
        counts
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "posts_accepted",
            "Bodies acknowledged with 200, by shape",
            self.posts.clone(),
        );
        registry.register("posts_refused", "Bodies refused, by reason", self.refused.clone());
        registry.register(
            "quarantined",
            "Callbacks stored until somebody vouches for them",
            self.quarantined.clone(),
        );
        registry.register(
            "dropped",
            "Callbacks and events dropped after they were stored",
            self.dropped.clone(),
        );
        registry.register(
            "accept_seconds",
            "From a callback's arrival to its durable write",
            self.accept.clone(),
        );
        registry.register(
            "jobs_finished",
            "Ends of work on a job, for now or for good",
            self.finished.clone(),
        );
        registry.register(
            "answer_seconds",
            "From a callback's arrival to its sent answer",
            self.answer.clone(),
        );
        registry.register("calls", "Calls of executors", self.calls.clone());
        registry.register("call_seconds", "Time of a call", self.call.clone());
        registry.register("sends", "Answers given to portals", self.sends.clone());
        registry.register(
            "send_seconds",
            "Time of giving an answer to a portal",
            self.send.clone(),
        );
        registry.register("jobs_waiting", "Jobs that are not over, by state", self.waiting.clone());
        registry.register("jobs_oldest_seconds", "Age of the oldest of them", self.oldest.clone());
    }

    pub(crate) fn accepted(&self, took: Duration) {
        self.accepted.inc();
        self.accept.observe(took.as_secs_f64());
    }

    pub(crate) fn post(&self, shape: &'static str) {
        self.posts.get_or_create(&Shape { shape }).inc();
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn quarantined(&self, reason: &'static str) {
        self.quarantined.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn dropped(&self, reason: &'static str) {
        self.dropped.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn call(&self, executor: &str, ok: bool, took: Duration) {
        self.calls
            .get_or_create(&Call {
                executor: executor.to_owned(),
                ok: truth(ok),
            })
            .inc();
        self.call.observe(took.as_secs_f64());
    }

    pub(crate) fn send(&self, ok: bool, took: Duration) {
        if ok {
            self.sent.inc();
        } else {
            self.sends.get_or_create(&Success { ok: truth(ok) }).inc();
        }
        self.send.observe(took.as_secs_f64());
    }

    /// `took`: since the callback arrived.
    pub(crate) fn finished(&self, state: State, outcome: Option<Outcome>, took: Duration) {
        if (state, outcome) == (State::Sent, Some(Outcome::Answered)) {
            self.answered.inc();
        } else {
            let outcome = outcome.map_or("", Outcome::name);
            self.finished
                .get_or_create(&End {
                    state: state.name(),
                    outcome,
                })
                .inc();
        }
        if matches!(outcome, Some(Outcome::Answered | Outcome::AnsweredError)) {
            self.answer.observe(took.as_secs_f64());
        }
    }

    /// Jobs in a state, and the age of the oldest.
    pub(crate) fn waiting(&self, state: State, jobs: u64, age: Duration) {
        let label = InState { state: state.name() };
        self.waiting
            .get_or_create(&label)
            .set(i64::try_from(jobs).unwrap_or(i64::MAX));
        self.oldest
            .get_or_create(&label)
            .set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    }
}

fn truth(ok: bool) -> &'static str {
    if ok { "true" } else { "false" }
}
