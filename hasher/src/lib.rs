//! The reference executor: digests of texts as a plain gRPC service that knows nothing of business processes.
//!
//! Its contract, annotated as activities, is `proto/hasher/v1/hasher.proto`.

mod algorithm;
mod config;
mod encoding;
mod handlers;

pub use config::Config;
use proto::hasher::v1::hasher_server::HasherServer;
use service::{
    Metrics, Parts,
    admin::{self, Readiness},
    grpc::Server,
};
use tokio::net::TcpListener;

use crate::handlers::Handlers;

/// Name of the service, in traces and metrics.
pub const NAME: &str = "hasher";
/// Version of the service.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The open sockets of a hasher.
#[derive(Debug)]
pub struct Sockets {
    /// gRPC.
    pub grpc: TcpListener,
    /// `/live`, `/ready`, `/metrics`.
    pub admin: TcpListener,
}

impl Sockets {
    /// Opens the sockets that `config` names.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            grpc: config.grpc.listen.bind("hasher.grpc.listen").await?,
            admin: config.admin.listen.bind("hasher.admin.listen").await?,
        })
    }
}

/// Serves until the soft stop, and returns when the calls in flight are done.
pub async fn run(config: Config, sockets: Sockets, parts: Parts) -> anyhow::Result<()> {
    tracing::info!(grpc = %sockets.grpc.local_addr()?, admin = %sockets.admin.local_addr()?, "hasher serves");
    // It depends on nothing: ready as soon as it listens.
    let readiness = Readiness::new();
    let mut metrics = Metrics::new(NAME, VERSION, &parts.telemetry);
    let handlers = HasherServer::new(Handlers::new(parts.clock.clone(), config.max_message_bytes))
        .max_decoding_message_size(config.max_message_bytes)
        .max_encoding_message_size(config.max_message_bytes);
    let server = Server::new(&parts, readiness.clone(), &mut metrics)
        .tls(config.tls)
        .descriptors(proto::DESCRIPTORS)
        .service(handlers);
    let _admin = admin::serve(sockets.admin, readiness, metrics, &parts.lifecycle);
    server.serve(sockets.grpc).await
}
