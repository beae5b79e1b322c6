//! A span while it lasts.

use std::{borrow::Cow, time::SystemTime};

use opentelemetry::{
    KeyValue, SpanId, TraceFlags,
    trace::{Event, SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_sdk::trace::SpanData;

use super::{Telemetry, now, span_id, trace_id};

/// A span that began and has not ended; ends when dropped. One that is not recorded still has a context to pass on.
#[derive(Debug)]
pub struct Span {
    context: SpanContext,
    recording: Option<Box<(Telemetry, SpanData)>>,
}

impl Span {
    pub(super) fn begin(
        telemetry: &Telemetry,
        name: Cow<'static, str>,
        kind: SpanKind,
        parent: Option<&SpanContext>,
    ) -> Self {
        let trace_id = parent.map_or_else(trace_id, SpanContext::trace_id);
        let sampled = parent.map_or_else(|| telemetry.sample(trace_id), |parent| telemetry.sample_under(parent));
        let id = span_id();
        if !sampled {
            let flags = TraceFlags::NOT_SAMPLED;
            return Self {
                context: SpanContext::new(trace_id, id, flags, false, TraceState::NONE),
                recording: None,
            };
        }
        let now = now();
        let parent_id = parent.map_or(SpanId::INVALID, SpanContext::span_id);
        let mut data = telemetry.span_data(name, kind, (trace_id, id, parent_id), (now, now));
        data.parent_span_is_remote = parent.is_some_and(SpanContext::is_remote);
        Self {
            context: data.span_context.clone(),
            recording: Some(Box::new((telemetry.clone(), data))),
        }
    }

    /// Ids and the sampling decision: the parent of inner spans, and what [`traceparent`](super::traceparent) writes.
    pub fn context(&self) -> &SpanContext {
        &self.context
    }

    /// Whether attributes go anywhere.
    pub fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// Adds an attribute.
    pub fn set(&mut self, attribute: KeyValue) {
        if let Some(recording) = &mut self.recording {
            recording.1.attributes.push(attribute);
        }
    }

    /// Adds an event, now.
    pub fn event(&mut self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>) {
        if let Some(recording) = &mut self.recording {
            recording.1.events.events.push(Event::new(name, now(), attributes, 0));
        }
    }

    /// Marks the span as failed.
    pub fn fail(&mut self, problem: impl Into<Cow<'static, str>>) {
        if let Some(recording) = &mut self.recording {
            recording.1.status = Status::error(problem);
        }
    }

    /// Ends the span at a given time instead of now.
    pub fn end_at(mut self, end: SystemTime) {
        self.finish(end);
    }

    fn finish(&mut self, end: SystemTime) {
        if let Some(recording) = self.recording.take() {
            let (telemetry, mut data) = *recording;
            data.end_time = end;
            telemetry.export(data);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.recording.is_some() {
            self.finish(now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_form_a_trace() {
        let (telemetry, spans) = Telemetry::capture();
        let mut outer = telemetry.span("outer", SpanKind::Server, None);
        outer.set(KeyValue::new("k", 1));
        let mut inner = telemetry.span("inner", SpanKind::Client, Some(outer.context()));
        inner.fail("no route");
        drop(inner);
        drop(outer);
        let (inner, outer) = (spans.named("inner").unwrap(), spans.named("outer").unwrap());
        assert_eq!(inner.parent_span_id, outer.span_context.span_id());
        assert_eq!(inner.span_context.trace_id(), outer.span_context.trace_id());
        assert_eq!(inner.status, Status::error("no route"));
        assert_eq!(outer.parent_span_id, SpanId::INVALID);
        assert_eq!(outer.attributes, [KeyValue::new("k", 1)]);
        assert!(inner.end_time >= inner.start_time);
    }

    #[test]
    fn what_is_not_recorded_still_has_a_context() {
        let span = Telemetry::off().span("x", SpanKind::Internal, None);
        assert!(!span.is_recording());
        assert!(span.context().is_valid());
        assert!(!span.context().is_sampled());
    }

    #[test]
    fn a_parent_decides_for_its_children() {
        let (telemetry, spans) = Telemetry::capture();
        let unsampled = Telemetry::off().span("x", SpanKind::Internal, None);
        drop(telemetry.span("child", SpanKind::Internal, Some(unsampled.context())));
        assert!(spans.finished().is_empty());
    }
}
