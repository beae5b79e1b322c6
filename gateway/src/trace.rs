//! The trace of a job: decided at the accept, kept with the job, its spans built when work on the job ends. A tracing
//! layer on this path cost 14 to 41 µs a job; this costs 3 at full sampling.

use std::time::SystemTime;

use service::{
    Telemetry,
    telemetry::{self, KeyValue, SpanData, SpanId, SpanKind, Status, TraceId, traceparent},
};

const LEN: usize = 16 + 8 + 1;

/// Identity of a job's trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) id: TraceId,
    /// The server span of the portal's POST; parent of all that follows.
    pub(crate) accept: SpanId,
    pub(crate) sampled: bool,
}

/// A span of a job, over but not built.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) name: &'static str,
    pub(crate) kind: SpanKind,
    pub(crate) id: SpanId,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) problem: Option<String>,
}

impl Done {
    /// The server span of a callback that isn't run now.
    pub(crate) fn accept(trace: Trace, start: SystemTime, end: SystemTime, why: &'static str) -> Self {
        let attributes = vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("bizproc.quarantined", why),
        ];
        Self {
            name: "accept",
            kind: SpanKind::Server,
            id: trace.accept,
            start,
            end,
            attributes,
            problem: None,
        }
    }
}

impl Trace {
    /// A trace of our own. A `traceparent` of the portal's side is ignored: strangers must not steer sampling.
    pub(crate) fn begin(telemetry: &Telemetry) -> Self {
        let id = telemetry::trace_id();
        Self {
            id,
            accept: telemetry::span_id(),
            sampled: telemetry.sample(id),
        }
    }

    /// What goes with a call whose span is `span`.
    pub(crate) fn parent(&self, span: SpanId) -> String {
        traceparent::format_ids(self.id, span, self.sampled)
    }

    /// Hands a finished span over, unless the trace isn't sampled.
    pub(crate) fn export(&self, telemetry: &Telemetry, done: Done) {
        if !self.sampled {
            return;
        }
        let parent = if done.id == self.accept {
            SpanId::INVALID
        } else {
            self.accept
        };
        let mut span: SpanData =
            telemetry.span_data(done.name, done.kind, (self.id, done.id, parent), (done.start, done.end));
        span.attributes = done.attributes;
        if let Some(problem) = done.problem {
            span.status = Status::error(problem);
        }
        telemetry.export(span);
    }

    pub(crate) fn to_bytes(self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..16].copy_from_slice(&self.id.to_bytes());
        bytes[16..24].copy_from_slice(&self.accept.to_bytes());
        bytes[24] = u8::from(self.sampled);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        let (accept, [sampled]) = rest.split_first_chunk()? else {
            return None;
        };
        Some(Self {
            id: TraceId::from_bytes(*id),
            accept: SpanId::from_bytes(*accept),
            sampled: *sampled == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_the_store() {
        for sampled in [true, false] {
            let trace = Trace {
                id: telemetry::trace_id(),
                accept: telemetry::span_id(),
                sampled,
            };
            assert_eq!(Trace::from_bytes(&trace.to_bytes()), Some(trace));
        }
        assert_eq!(Trace::from_bytes(&[1; 24]), None);
        assert_eq!(Trace::from_bytes(&[1; 26]), None);
    }
}
