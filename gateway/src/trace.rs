//! The trace of a job: decided at the accept, kept with the job, its spans built when work on the job ends. A tracing
//! layer on this path cost 14 to 41 µs a job; this costs 3 at full sampling.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use http::Uri;
use service::{
    Telemetry,
    telemetry::{
        self, KeyValue, Link, SpanContext, SpanData, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
        traceparent,
    },
};

use crate::routes;

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
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) id: SpanId,
    pub(crate) parent: SpanId,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) attributes: Vec<KeyValue>,
    /// The span of another trace that this one owes something to.
    pub(crate) link: Option<SpanContext>,
    pub(crate) problem: Option<String>,
}

/// When a POST came and when its 200 went, and where it came to if that is known any more.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) path: Option<Box<str>>,
}

impl Done {
    /// The root: the server span of the portal's POST.
    pub(crate) fn post(trace: Trace, post: Post, more: impl IntoIterator<Item = KeyValue>) -> Self {
        let route = post.path.as_deref().map_or(routes::ACTIVITY, routes::of);
        let mut attributes = Vec::with_capacity(13);
        attributes.extend([
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", route),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("url.scheme", "http"),
        ]);
        if let Some(path) = post.path {
            attributes.push(KeyValue::new("url.path", String::from(path)));
        }
        attributes.extend(more);
        Self {
            name: name(route),
            kind: SpanKind::Server,
            id: trace.accept,
            parent: SpanId::INVALID,
            start: post.start,
            end: post.end,
            attributes,
            link: None,
            problem: None,
        }
    }
}

/// The name of the server span of a POST.
pub(crate) fn name(route: &'static str) -> Cow<'static, str> {
    match route {
        // The usual one costs no allocation.
        routes::ACTIVITY => Cow::Borrowed("POST /bitrix/{app}/activity/{revision}"),
        route => Cow::Owned(format!("POST {route}")),
    }
}

/// Attributes of a gRPC client's span: `path` is `package.Service/Method`.
pub(crate) fn rpc(path: &str, server: &Server) -> Vec<KeyValue> {
    let (service, method) = path.split_once('/').unwrap_or((path, ""));
    let mut attributes = Vec::with_capacity(10);
    attributes.extend([
        KeyValue::new("rpc.system", "grpc"),
        KeyValue::new("rpc.service", service.to_owned()),
        KeyValue::new("rpc.method", method.to_owned()),
    ]);
    attributes.extend(server.attributes());
    attributes
}

/// Whom a client calls; shared by the spans of all its calls.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    address: Arc<str>,
    port: i64,
}

impl Server {
    pub(crate) fn of(uri: &Uri) -> Self {
        let port = uri
            .port_u16()
            .unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        Self {
            address: uri.host().unwrap_or_default().into(),
            port: port.into(),
        }
    }

    pub(crate) fn attributes(&self) -> [KeyValue; 2] {
        [
            KeyValue::new("server.address", self.address.clone()),
            KeyValue::new("server.port", self.port),
        ]
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

    /// The span `span` of this trace, for those who link to it.
    pub(crate) fn context(&self, span: SpanId) -> SpanContext {
        let flags = if self.sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::NOT_SAMPLED
        };
        SpanContext::new(self.id, span, flags, false, TraceState::NONE)
    }

    /// Hands a finished span over, unless the trace isn't sampled.
    pub(crate) fn export(&self, telemetry: &Telemetry, done: Done) {
        if !self.sampled {
            return;
        }
        let ids = (self.id, done.id, done.parent);
        let mut span: SpanData = telemetry.span_data(done.name, done.kind, ids, (done.start, done.end));
        span.attributes = done.attributes;
        if let Some(context) = done.link {
            span.links.links.push(Link::with_context(context));
        }
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
