//! When what happened to a job, until its spans are built.

use std::time::SystemTime;

use service::telemetry::{KeyValue, SpanId, SpanKind};

use crate::trace::Done;

/// The accept of a job, if it was this process's and just now, and what followed.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    accepted: Option<(SystemTime, SystemTime)>,
    spans: Vec<Done>,
}

impl Timeline {
    /// Of a job that arrived at `start` and was durable at `end`.
    pub(crate) fn accepted(start: SystemTime, end: SystemTime) -> Self {
        Self {
            accepted: Some((start, end)),
            spans: Vec::new(),
        }
    }

    /// Of a job that was taken from the store.
    pub(super) fn resumed() -> Self {
        Self::default()
    }

    /// Adds a client span.
    pub(super) fn client(
        &mut self,
        name: &'static str,
        id: SpanId,
        (start, end): (SystemTime, SystemTime),
        attributes: Vec<KeyValue>,
        problem: Option<String>,
    ) {
        self.spans.push(Done {
            name,
            kind: SpanKind::Client,
            id,
            start,
            end,
            attributes,
            problem,
        });
    }

    /// How long the accept took, until the durable write was done.
    pub(crate) fn accept(&self) -> Option<(SystemTime, SystemTime)> {
        self.accepted
    }

    pub(super) fn into_spans(self) -> Vec<Done> {
        self.spans
    }
}
