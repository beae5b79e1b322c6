//! What is measured: our services, their peer, and the least that a forwarder can take.

mod bound;
mod fastify;
mod gateway;
mod probe;

use std::{net::SocketAddr, path::Path};

use anyhow::Result;

pub(crate) use self::{
    bound::forward,
    gateway::{APP, UNLIMITED, another_hasher, services},
    probe::{exchange, free_address},
};
use crate::{options::Options, process::Process, sink::Sink, system::System};

/// A system that takes callbacks.
pub(crate) struct Running {
    pub(crate) processes: Vec<Process>,
    pub(crate) target: SocketAddr,
    pub(crate) path: String,
    pub(crate) traced: bool,
}

/// Starts a system with its files in `folder`.
pub(crate) async fn start(system: System, options: &Options, sink: &Sink, folder: &Path) -> Result<Running> {
    match system {
        System::Gateway => gateway::start(options, sink, folder).await,
        System::Fastify => fastify::start(options, folder).await,
        System::Bound => bound::start(options, sink, folder).await,
    }
}
