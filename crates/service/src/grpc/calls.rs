//! Counts and durations of the calls a server handled.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
};
use tonic::Code;

use super::code_name;
use crate::Metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handled {
    method: String,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    method: String,
}

/// The metrics of one server.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    handled: Family<Handled, Counter>,
    seconds: Family<Timed, Histogram, fn() -> Histogram>,
}

impl Calls {
    pub(super) fn new(metrics: &mut Metrics) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.0001, 4.0, 9));
        let calls = Self {
            handled: Family::default(),
            seconds: Family::new_with_constructor(histogram),
        };
        let registry = metrics.registry();
        registry.register(
            "grpc_server_handled",
            "Calls that ended, by method and status",
            calls.handled.clone(),
        );
        registry.register(
            "grpc_server_seconds",
            "Time from request to last byte of the answer",
            calls.seconds.clone(),
        );
        calls
    }

    pub(super) fn ended(&self, path: &str, code: Code, took: Duration) {
        // Strangers choose the path of such calls: one label for all.
        let known = !matches!(code, Code::Unimplemented | Code::Unauthenticated);
        let method = if known { path.trim_start_matches('/') } else { "other" };
        self.handled
            .get_or_create(&Handled {
                method: method.into(),
                code: code_name(code),
            })
            .inc();
        self.seconds
            .get_or_create(&Timed { method: method.into() })
            .observe(took.as_secs_f64());
    }
}
