//! Spans kept in memory, for tests.

use std::sync::Arc;

use opentelemetry_sdk::trace::SpanData;
use parking_lot::Mutex;

/// The finished spans of a [`Telemetry::capture`](super::Telemetry::capture).
#[derive(Debug, Clone, Default)]
pub struct Spans(Arc<Mutex<Vec<SpanData>>>);

impl Spans {
    /// The spans that ended so far, in the order of their ends.
    pub fn finished(&self) -> Vec<SpanData> {
        self.0.lock().clone()
    }

    /// The first span of that name.
    pub fn named(&self, name: &str) -> Option<SpanData> {
        self.0.lock().iter().find(|span| span.name == name).cloned()
    }

    pub(super) fn push(&self, span: SpanData) {
        self.0.lock().push(span);
    }
}
