//! What a service is made of: configuration, lifecycle, telemetry, admin port, gRPC server and channel.
//!
//! A service is a library with a `Config`, bound `Sockets` and `run(config, sockets, parts)`; its `main.rs` only calls
//! [`main`]. Several services can live in one process, so nothing here is global but the log output and the TLS provider.

mod address;
pub mod admin;
pub mod backoff;
mod clock;
pub mod config;
pub mod grpc;
pub mod guard;
mod lifecycle;
mod listen;
mod metrics;
mod network;
mod program;
pub mod seal;
mod secret;
pub mod telemetry;
mod tls;

pub use address::AddressError;
pub use backoff::Backoff;
pub use clock::{Clock, ManualClock, SharedClock, SystemClock, system_time};
pub use config::{ConfigError, Configuration};
/// The time stamp of [`Clock::now`].
pub use jiff::Timestamp;
pub use lifecycle::Lifecycle;
pub use listen::Listen;
pub use metrics::Metrics;
pub use network::{Network, NetworkError};
pub use program::{About, EX_CONFIG, REVISION, build_version, main};
/// The metric types that [`Metrics`] registers.
pub use prometheus_client;
pub use secret::Secret;
pub use telemetry::Telemetry;
pub use tls::install_provider;

/// What a service's `run` is given beside its configuration.
#[derive(Clone)]
pub struct Parts {
    /// Time.
    pub clock: SharedClock,
    /// When to stop, and what to wait for then.
    pub lifecycle: Lifecycle,
    /// Where spans go.
    pub telemetry: Telemetry,
}

impl Parts {
    /// Parts for tests and for commands without telemetry: the system's clock, spans dropped.
    pub fn plain() -> Self {
        Self {
            clock: SystemClock::shared(),
            lifecycle: Lifecycle::default(),
            telemetry: Telemetry::off(),
        }
    }
}

/// The innermost source of an error: "connection refused" says more than "client error (Connect)".
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}
