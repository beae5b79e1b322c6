//! What is counted. All names begin with `gateway_`.

mod activities;
mod connections;
mod labels;

use std::{sync::atomic::AtomicI64, time::Duration};

use jiff::Timestamp;
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

pub(crate) use self::connections::Connections;
use self::{
    activities::Activities,
    labels::{InState, Kind, Reason, Sent as SentLabel, Settled, Shape},
};
use crate::{
    job::{Job, Outcome, State},
    portal::{Next, Sent},
};

/// The gateway's counts.
pub(crate) struct Counts {
    posts: Family<Shape, Counter>,
    refused: Family<Reason, Counter>,
    quarantined: Family<Reason, Counter>,
    dropped: Family<Reason, Counter>,
    delivery: Histogram,
    accept: Histogram,
    activities: Activities,
    sends: Family<SentLabel, Counter>,
    requests: Family<Kind, Counter>,
    readings: Counter,
    send: Histogram,
    settled: Family<Settled, Counter>,
    waiting: Family<InState, Gauge>,
    oldest: Family<InState, Gauge<i64, AtomicI64>>,
    works: Gauge,
    pub(crate) connections: Connections,
    // What happens on every job is looked up once: a family's look-up takes a lock and hashes its labels.
    accepted: Counter,
    sent: Counter,
}

/// 100 us to 15 s.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.5, 14))
}

/// 1 ms to 4 h: answers wait for executors and portals.
fn waits() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 3.0, 16))
}

impl Counts {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let posts = Family::<Shape, Counter>::default();
        let sends = Family::<SentLabel, Counter>::default();
        let accepted = posts.get_or_create(&Shape { shape: "callback" }).clone();
        let taken = SentLabel {
            result: Sent::Taken.name(),
        };
        let sent = sends.get_or_create(&taken).clone();
        let counts = Self {
            accepted,
            sent,
            posts,
            refused: Family::default(),
            quarantined: Family::default(),
            dropped: Family::default(),
            // The portal's stamp is in whole seconds.
            delivery: Histogram::new([1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0]),
            accept: durations(),
            activities: Activities::default(),
            sends,
            requests: Family::default(),
            readings: Counter::default(),
            send: durations(),
            settled: Family::default(),
            waiting: Family::default(),
            oldest: Family::default(),
            works: Gauge::default(),
            connections: Connections::default(),
        };
        // Prometheus sees no increase in a counter that appears with its first event.
        for reason in ["store", "busy", "quarantine_full", "source_busy", "slow", "cut_off"] {
            drop(counts.refused.get_or_create(&Reason { reason }));
        }
        for evidence in [
            "workflow_over",
            "saved_after_each_send",
            "timed_out",
            "repeated",
            "unproved",
            "parked",
        ] {
            drop(counts.settled.get_or_create(&Settled { evidence }));
        }
        for carries in ["answer", "answers", "readings", "answers_and_readings"] {
            drop(counts.requests.get_or_create(&Kind { carries }));
        }
        counts.register(registry.sub_registry_with_prefix("gateway"));
        counts
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("posts", "Bodies acknowledged with 200, by shape", self.posts.clone());
        registry.register("posts_refused", "Bodies refused, by reason", self.refused.clone());
        registry.register(
            "quarantined",
            "Callbacks stored until they are proved, by the reason",
            self.quarantined.clone(),
        );
        registry.register(
            "dropped",
            "Callbacks and events dropped, by reason",
            self.dropped.clone(),
        );
        let mut seconds = |name, help, histogram: &Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        seconds(
            "delivery_delay",
            "From the portal's time stamp of a callback to its arrival",
            &self.delivery,
        );
        seconds(
            "accept_duration",
            "From a callback's arrival to its durable write",
            &self.accept,
        );
        seconds("send_duration", "Time of a request to a portal", &self.send);
        registry.register("sends", "Answers given to portals, by result", self.sends.clone());
        registry.register(
            "requests",
            "Requests to portals, by what they carry",
            self.requests.clone(),
        );
        registry.register(
            "readings",
            "Readings of up to 50 workflows, alone or with answers",
            self.readings.clone(),
        );
        registry.register(
            "answers_settled",
            "What became of sent answers, by what was seen of them",
            self.settled.clone(),
        );
        registry.register("jobs_waiting", "Jobs that are not over, by state", self.waiting.clone());
        registry.register_with_unit(
            "jobs_oldest_age",
            "Age of the oldest of them",
            Unit::Seconds,
            self.oldest.clone(),
        );
        registry.register(
            "works",
            "Whether this gateway does the work on the store (1) or stands by (0)",
            self.works.clone(),
        );
        self.connections.register(registry);
        self.activities.register(registry);
    }

    /// A callback came; `ts` is the portal's time stamp. A large difference is a wrong clock, not a delay.
    pub(crate) fn delivered(&self, at: Timestamp, ts: Option<i64>) {
        let Some(delay) = ts.and_then(|ts| at.as_second().checked_sub(ts)) else {
            return;
        };
        if let Ok(delay) = u16::try_from(delay)
            && delay <= 3600
        {
            self.delivery.observe(delay.into());
        }
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

    /// `result`: `OK`, a status code's name, or what came instead of one.
    pub(crate) fn call(&self, job: &Job, result: &'static str, took: Duration) {
        self.activities.of(&job.app, &job.code).call(result, took);
    }

    /// A request to a portal with so many answers and readings.
    pub(crate) fn request(&self, answers: usize, readings: usize, took: Duration) {
        let carries = match (answers, readings) {
            (0, _) => "readings",
            (1, 0) => "answer",
            (_, 0) => "answers",
            _ => "answers_and_readings",
        };
        self.requests.get_or_create(&Kind { carries }).inc();
        self.readings.inc_by(readings as u64);
        self.send.observe(took.as_secs_f64());
    }

    pub(crate) fn sent(&self, sent: &Sent) {
        match sent {
            Sent::Taken => self.sent.inc(),
            other => self.sends.get_or_create(&SentLabel { result: other.name() }).inc(),
        };
    }

    /// What a reading of its workflow meant for a sent answer.
    pub(crate) fn settled(&self, next: Next) {
        let evidence = match next {
            Next::Done(evidence) => evidence.name(),
            Next::Repeat => "repeated",
            Next::Park(_) => "parked",
            Next::Unproved => "unproved",
            Next::Look(_) => return,
        };
        self.settled.get_or_create(&Settled { evidence }).inc();
    }

    /// `took`: since the callback arrived.
    pub(crate) fn finished(&self, job: &Job, state: State, outcome: Option<Outcome>, took: Duration) {
        self.activities.of(&job.app, &job.code).finished(state, outcome, took);
    }

    /// Whether the work on the store is done here.
    pub(crate) fn works(&self, works: bool) {
        self.works.set(works.into());
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
