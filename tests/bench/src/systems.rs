//! What is measured: our services, their peer, and the least that a forwarder can take.

mod bound;
mod fastify;
mod gateway;
mod probe;

use std::{net::SocketAddr, path::Path};

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

pub(crate) use self::bound::forward;
use crate::{options::Options, process::Process, sink::Sink};

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

/// A system that takes callbacks.
pub(crate) struct Running {
    pub(crate) processes: Vec<Process>,
    pub(crate) target: SocketAddr,
    pub(crate) path: String,
    pub(crate) traced: bool,
}

impl System {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Fastify => "fastify",
            Self::Bound => "bound",
        }
    }

    /// Starts it with its files in `folder`.
    pub(crate) async fn start(self, options: &Options, sink: &Sink, folder: &Path) -> Result<Running> {
        match self {
            Self::Gateway => gateway::start(options, sink, folder).await,
            Self::Fastify => fastify::start(options, folder).await,
            Self::Bound => bound::start(options, sink, folder).await,
        }
    }
}
