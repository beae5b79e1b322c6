//! Rate, errors and durations of each activity.

use std::{sync::Arc, time::Duration};

use hashbrown::HashMap;
use parking_lot::RwLock;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{
    durations,
    labels::{Call, End, Which},
    waits,
};
use crate::job::{Outcome, State};

type Histograms = Family<Which, Histogram, fn() -> Histogram>;

/// The counts of all activities.
pub(super) struct Activities {
    families: Families,
    /// By app and code: found without making labels.
    known: RwLock<HashMap<String, HashMap<String, Arc<Activity>>>>,
}

#[derive(Clone)]
struct Families {
    calls: Family<Call, Counter>,
    call: Histograms,
    finished: Family<End, Counter>,
    answer: Histograms,
}

/// The counts of one.
pub(super) struct Activity {
    which: Which,
    families: Families,
    /// The usual ends, looked up once.
    called: Counter,
    answered: Counter,
    call: Histogram,
    answer: Histogram,
}

impl Default for Activities {
    fn default() -> Self {
        Self {
            families: Families {
                calls: Family::default(),
                call: Family::new_with_constructor(durations as fn() -> _),
                finished: Family::default(),
                answer: Family::new_with_constructor(waits as fn() -> _),
            },
            known: RwLock::default(),
        }
    }
}

impl Activities {
    pub(super) fn register(&self, registry: &mut Registry) {
        let Families {
            calls,
            call,
            finished,
            answer,
        } = self.families.clone();
        registry.register("calls", "Calls of executors, by activity and status", calls);
        registry.register_with_unit("call_duration", "Time of a call, by activity", Unit::Seconds, call);
        registry.register(
            "jobs_finished",
            "Ends of work on a job, for now or for good, by activity, state and outcome",
            finished,
        );
        registry.register_with_unit(
            "time_to_answer",
            "From a callback's arrival to its sent answer, by activity",
            Unit::Seconds,
            answer,
        );
    }

    /// The counts of one; it must be known to exist, because it is kept for ever.
    pub(super) fn of(&self, app: &str, code: &str) -> Arc<Activity> {
        let found = |known: &HashMap<String, HashMap<_, Arc<_>>>| known.get(app)?.get(code).cloned();
        if let Some(activity) = found(&self.known.read()) {
            return activity;
        }
        let mut known = self.known.write();
        let of_app = known.entry(app.to_owned()).or_default();
        of_app
            .entry(code.to_owned())
            .or_insert_with(|| Arc::new(Activity::new(&self.families, app, code)))
            .clone()
    }
}

impl Activity {
    fn new(families: &Families, app: &str, code: &str) -> Self {
        let which = Which {
            app: app.into(),
            activity: code.into(),
        };
        Self {
            called: families.calls.get_or_create(&call(&which, "OK")).clone(),
            answered: families
                .finished
                .get_or_create(&end(&which, State::Sent, Some(Outcome::Answered)))
                .clone(),
            call: families.call.get_or_create(&which).clone(),
            answer: families.answer.get_or_create(&which).clone(),
            families: families.clone(),
            which,
        }
    }

    pub(super) fn call(&self, result: &'static str, took: Duration) {
        if result == "OK" {
            self.called.inc();
        } else {
            self.families.calls.get_or_create(&call(&self.which, result)).inc();
        }
        self.call.observe(took.as_secs_f64());
    }

    pub(super) fn finished(&self, state: State, outcome: Option<Outcome>, took: Duration) {
        if (state, outcome) == (State::Sent, Some(Outcome::Answered)) {
            self.answered.inc();
        } else {
            self.families
                .finished
                .get_or_create(&end(&self.which, state, outcome))
                .inc();
        }
        if matches!(outcome, Some(Outcome::Answered | Outcome::AnsweredError)) {
            self.answer.observe(took.as_secs_f64());
        }
    }
}

fn call(which: &Which, result: &'static str) -> Call {
    Call {
        app: which.app.clone(),
        activity: which.activity.clone(),
        result,
    }
}

fn end(which: &Which, state: State, outcome: Option<Outcome>) -> End {
    End {
        app: which.app.clone(),
        activity: which.activity.clone(),
        state: state.name(),
        outcome: outcome.map_or("", Outcome::name),
    }
}
