//! The data plane: takes a portal's callbacks so that they can't be lost, calls the gRPC method that the activity's
//! definition names, and answers the workflow.
//!
//! What a callback meets, in this order:
//!
//! | module | what it does |
//! |---|---|
//! | `http` | bounded bodies, told apart by their shape; a durable write; 200 |
//! | `admission`, `quarantine` | whether the sender is proved; what waits until it is |
//! | `storage` | the interface to the store, and its engines |
//! | `engine` | work on jobs in memory, retries, jobs that wait in the store |
//! | `executor` | the dynamic call, who spoke, the error table |
//! | `portal` | tokens, `event.send`, the portal's errors, pauses |
//! | `sync`, `snapshot`, `events` | the registrar's side |
//! | `jobs`, `metrics`, `trace`, `upkeep` | what people see, and order |

mod admission;
mod auth;
mod config;
mod engine;
mod events;
mod executor;
mod health;
mod hot;
mod http;
mod job;
mod jobs;
mod metrics;
mod panics;
mod pause;
mod portal;
mod quarantine;
mod registrar;
mod routes;
mod run;
mod shared;
mod shares;
mod snapshot;
mod storage;
mod sync;
mod timeline;
mod trace;
mod upkeep;
mod work;

pub use crate::{
    config::{Admin, Config, Grpc, Http, Limits, Network, Registrar as RegistrarConfig, Store},
    run::{Sockets, run},
};

/// Name of the service, in traces and metrics.
pub const NAME: &str = "gateway";
/// Version of the service.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
