//! How long the calls of a server took, and how they ended.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
};
use tonic::Code;

use super::code_name;
use crate::Metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: String,
    code: &'static str,
}

/// The metric of one server.
#[derive(Debug, Clone)]
pub(super) struct Calls(Family<Labels, Histogram, fn() -> Histogram>);

impl Calls {
    pub(super) fn new(metrics: &mut Metrics) -> Self {
        let seconds = Family::new_with_constructor(histogram as fn() -> _);
        metrics.registry().register(
            "grpc_server_seconds",
            "Time from a call's request to the end of its answer, by method and status",
            seconds.clone(),
        );
        Self(seconds)
    }

    pub(super) fn ended(&self, path: &str, code: Code, took: Duration) {
        // Strangers choose the path of such calls: one label for all.
        let known = !matches!(code, Code::Unimplemented | Code::Unauthenticated);
        let method = if known { path.trim_start_matches('/') } else { "other" };
        let labels = Labels {
            method: method.into(),
            code: code_name(code),
        };
        self.0.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

/// From 0.1 ms to 6.6 s.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 9))
}
