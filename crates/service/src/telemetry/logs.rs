//! Log output.

use std::io::{self, IsTerminal};

use opentelemetry::trace::SpanContext;
use tracing_subscriber::EnvFilter;

/// A span of the log, not of a trace: lines written in it carry the trace's id. For paths that are not hot.
pub fn log_span(context: &SpanContext) -> tracing::Span {
    // Enabled with every line that it is to be seen on.
    tracing::error_span!("trace", trace_id = %context.trace_id())
}

/// Starts the log on stderr: text on a terminal, else one JSON object a line. `LOG` (or `RUST_LOG`) filters, e.g.
/// `debug` or `gateway=debug,info`; default `info`. A second call changes nothing.
pub fn logs() {
    logs_from("info");
}

/// The same with another default, for commands whose result a person reads beside the log.
pub fn logs_from(default: &str) {
    let wanted = ["LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
    let (filter, problem) = match wanted.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(default), Some(error)),
        None => (EnvFilter::new(default), None),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // A line that cannot be written, because the log's disk is full or its reader has gone, is lost. Told by `eprintln!`
        // instead, it would panic, and end the task that logs.
        .log_internal_errors(false);
    let started = if io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().try_init()
    };
    if let (Ok(()), Some(error)) = (started, problem) {
        tracing::warn!(%error, "the log filter is wrong: the default is used");
    }
}
