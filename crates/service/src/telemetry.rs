//! Traces and logs.
//!
//! A service has its own [`Telemetry`]; nothing is global, because one process may run several services. Spans are made
//! by [`Telemetry::span`] and end when dropped; a path too hot for that decides by [`Telemetry::sample`], keeps its ids
//! and time stamps, and hands over [`Telemetry::span_data`] when its work is done. No endpoint in the standard `OTEL_*`
//! variables: nothing is recorded.

mod capture;
mod endpoint;
mod error;
mod export;
mod logs;
mod sampling;
mod span;
pub mod traceparent;

use std::{borrow::Cow, fmt, sync::Arc, time::SystemTime};

pub use capture::Spans;
pub use error::TelemetryError;
pub use logs::{log_span, logs, logs_from};
use opentelemetry::InstrumentationScope;
pub use opentelemetry::{
    KeyValue, SpanId, TraceFlags, TraceId,
    trace::{Link, SpanContext, SpanKind, Status, TraceState},
};
pub use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use prometheus_client::registry::Registry;
pub use span::Span;

use self::{export::Exporter, sampling::Sampling};
use crate::{Clock, SystemClock, clock};

/// Where a service's spans go. Clones share it; the last one flushes when dropped.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    sink: Sink,
    sampling: Sampling,
    scope: InstrumentationScope,
}

enum Sink {
    Off,
    Otlp(Box<Exporter>),
    Capture(Spans),
}

impl Telemetry {
    /// By the standard variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, …). `OTEL_SERVICE_NAME` wins over
    /// `service`.
    pub fn from_env(service: &'static str) -> Result<Self, TelemetryError> {
        let name = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
        Self::otlp(name.map_or(Cow::Borrowed(service), Cow::Owned))
    }

    /// The same for one of several services in a process, which keeps its name.
    pub fn from_env_as(service: &'static str) -> Result<Self, TelemetryError> {
        Self::otlp(service.into())
    }

    /// Spans are dropped at once.
    pub fn off() -> Self {
        Self::new(Sink::Off, Sampling::Never)
    }

    /// Every span is kept in memory; for tests.
    pub fn capture() -> (Self, Spans) {
        let spans = Spans::default();
        (Self::new(Sink::Capture(spans.clone()), Sampling::ALWAYS), spans)
    }

    fn otlp(service: Cow<'static, str>) -> Result<Self, TelemetryError> {
        Ok(match Exporter::from_env(service)? {
            Some(exporter) => Self::new(Sink::Otlp(Box::new(exporter)), Sampling::from_env()),
            None => Self::off(),
        })
    }

    fn new(sink: Sink, sampling: Sampling) -> Self {
        Self(Arc::new(Inner {
            sink,
            sampling,
            scope: scope(),
        }))
    }

    /// Whether any span can be recorded.
    pub fn enabled(&self) -> bool {
        !matches!(self.0.sink, Sink::Off)
    }

    /// Whether a trace that begins here is recorded, by its id.
    pub fn sample(&self, trace_id: TraceId) -> bool {
        self.enabled() && self.0.sampling.root(trace_id)
    }

    /// Whether a span under `parent` is recorded.
    pub fn sample_under(&self, parent: &SpanContext) -> bool {
        self.enabled() && self.0.sampling.child(parent)
    }

    /// Begins a span, now. Under `parent` if that is valid, else as a trace of its own. It ends when dropped.
    pub fn span(&self, name: impl Into<Cow<'static, str>>, kind: SpanKind, parent: Option<&SpanContext>) -> Span {
        Span::begin(self, name.into(), kind, parent.filter(|parent| parent.is_valid()))
    }

    /// A finished span with ids of the caller's choice, to be completed (attributes, status) and given to
    /// [`Telemetry::export`]. `parent` is invalid ([`SpanId::INVALID`]) for a root. Only for sampled traces.
    pub fn span_data(
        &self,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        (trace_id, span_id, parent): (TraceId, SpanId, SpanId),
        (start, end): (SystemTime, SystemTime),
    ) -> SpanData {
        SpanData {
            span_context: SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::NONE),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: kind,
            name: name.into(),
            start_time: start,
            end_time: end,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.0.scope.clone(),
        }
    }

    /// Hands a finished span over; never waits. A full queue drops it and counts it.
    pub fn export(&self, span: SpanData) {
        match &self.0.sink {
            Sink::Off => {}
            Sink::Otlp(exporter) => exporter.push(span),
            Sink::Capture(spans) => spans.push(span),
        }
    }

    /// Sends what is queued; waits for at most 5 s. Later spans are dropped.
    pub fn shutdown(&self) {
        if let Sink::Otlp(exporter) = &self.0.sink {
            exporter.shutdown();
        }
    }

    /// Registers the counts of exported and dropped spans.
    pub(crate) fn register(&self, registry: &mut Registry) {
        if let Sink::Otlp(exporter) = &self.0.sink {
            exporter.register(registry);
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("enabled", &self.enabled())
            .finish_non_exhaustive()
    }
}

/// Who makes the spans.
fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("bizproc")
        .with_version(env!("CARGO_PKG_VERSION"))
        .build()
}

/// When a span begins or ends.
fn now() -> SystemTime {
    clock::system_time(SystemClock.now())
}

/// A new trace id.
pub fn trace_id() -> TraceId {
    TraceId::from_bytes(rand::random::<u128>().max(1).to_be_bytes())
}

/// A new span id.
pub fn span_id() -> SpanId {
    SpanId::from_bytes(rand::random::<u64>().max(1).to_be_bytes())
}
