//! The caller's side of a trace.

use opentelemetry::trace::SpanContext;
use tonic::metadata::{MetadataMap, MetadataValue};

use crate::telemetry::traceparent;

/// Puts `context` into a request's metadata as `traceparent`, sampled or not.
pub fn propagate(context: &SpanContext, metadata: &mut MetadataMap) {
    if let Ok(value) = MetadataValue::try_from(traceparent::format(context)) {
        metadata.insert(traceparent::HEADER, value);
    }
}
