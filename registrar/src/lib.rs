//! The registrar: the control plane.
//!
//! It reads the executors' annotated methods and pins them as revisions, proves and keeps the app's installations with
//! their credentials, and keeps the activities of every portal registered. Gateways ask it for all that ([`proto`]'s
//! `registrar.v1`). It never deletes an activity, and it sends a token only to an address that a configured OAuth server
//! named for that very installation.

mod config;
mod definition;
mod error;
mod installation;
mod lifecycle;
mod metrics;
mod questions;
mod reconcile;
mod remote;
mod rpc;
mod server;
mod snapshot;
mod storage;

/// Name of the service, in traces and metrics.
pub const NAME: &str = "registrar";
/// Version of the service.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub use crate::{
    config::{Admin, App, AppName, Config, Descriptors, Executor, Grpc, Portal, PublicUrl, Questions, Store},
    definition::reflect,
    server::{Sockets, run},
};
