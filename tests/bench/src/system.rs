//! What can be measured.

use clap::ValueEnum;
use serde::Serialize;

/// A system under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum System {
    /// Gateway and hasher (and registrar): durable, traced at sampling 1.0.
    Gateway,
    /// The lesson's handler on fastify and undici.
    Fastify,
    /// axum and hyper-util that only forward: no form, no store, no gRPC, no trace.
    Bound,
}

impl System {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Fastify => "fastify",
            Self::Bound => "bound",
        }
    }
}
