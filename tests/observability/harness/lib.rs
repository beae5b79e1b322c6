//! What the tests of traces, logs and metrics need beside the stack of `tests`: the real Jaeger, and an endpoint that
//! keeps every span.

mod collector;
mod jaeger;
mod trace;

pub use collector::Collector;
pub use jaeger::Jaeger;
pub use trace::{Span, Trace};

/// A plain client, as any program would have.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own client must not share the code under test"
)]
fn http() -> reqwest::Client {
    service::install_provider();
    reqwest::Client::new()
}
