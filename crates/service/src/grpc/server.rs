//! A gRPC server with what every service's has: spans, tokens, health, reflection, graceful shutdown.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anyhow::Context;
use http::Request;
use tokio::net::TcpListener;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::server::TcpIncoming,
};
use tonic_health::{ServingStatus, pb::FILE_DESCRIPTOR_SET as HEALTH, server::HealthReporter};
use tonic_reflection::pb::{v1, v1alpha};
use tower::Service;

use super::{
    bearer::{Bearer, BearerLayer},
    calls::Calls,
    deadline::DeadlineLayer,
    observe::{ObserveLayer, Observer},
    streams::StreamsLayer,
    tls::{self, Tls},
};
use crate::{Lifecycle, Metrics, Parts, admin::Readiness};

/// A server under construction. Limits on message sizes are set on the generated services
/// (`HasherServer::new(..).max_decoding_message_size(..)`); `grpc-timeout` is respected.
pub struct Server {
    observer: Observer,
    lifecycle: Lifecycle,
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    bearer: Option<Arc<Bearer>>,
    tls: Option<Tls>,
    readiness: Readiness,
    descriptors: &'static [u8],
}

impl Server {
    /// A server without services. Its health follows `readiness`; calls are counted and timed in `metrics`.
    pub fn new(parts: &Parts, readiness: Readiness, metrics: &mut Metrics) -> Self {
        let observer = Observer {
            telemetry: parts.telemetry.clone(),
            clock: parts.clock.clone(),
            calls: Calls::new(metrics),
            logs_traces: false,
        };
        Self {
            observer,
            lifecycle: parts.lifecycle.clone(),
            routes: Routes::builder(),
            names: Vec::new(),
            bearer: None,
            tls: None,
            readiness,
            descriptors: &[],
        }
    }

    /// Which tokens open which methods. Without it, all are open.
    #[must_use]
    pub fn bearer(mut self, bearer: Bearer) -> Self {
        self.bearer = Some(Arc::new(bearer));
        self
    }

    /// What handlers log carries the id of the call's trace. For servers that are not on a hot path.
    #[must_use]
    pub fn log_traces(mut self) -> Self {
        self.observer.logs_traces = true;
        self
    }

    /// Serves over TLS, with nothing in the clear on the same port.
    #[must_use]
    pub fn tls(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls;
        self
    }

    /// An encoded `FileDescriptorSet` that describes the services, for reflection. Its annotations are passed on.
    #[must_use]
    pub fn descriptors(mut self, descriptors: &'static [u8]) -> Self {
        self.descriptors = descriptors;
        self
    }

    /// Adds a generated service.
    #[must_use]
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes.add_service(service);
        self
    }

    /// Serves until the soft stop, then lets the calls in flight finish.
    pub async fn serve(mut self, listener: TcpListener) -> anyhow::Result<()> {
        self.add_reflection()?;
        self.add_health();
        let incoming = TcpIncoming::from(listener)
            .with_nodelay(Some(true))
            .with_keepalive(Some(Duration::from_mins(1)));
        let stopping = self.lifecycle.stopping().cancelled_owned();
        let router = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .layer(ObserveLayer(Arc::new(self.observer)))
            .layer(StreamsLayer(Arc::new(self.lifecycle.stopping())))
            .layer(DeadlineLayer)
            .layer(BearerLayer(self.bearer))
            .add_routes(self.routes.routes().prepare());
        match self.tls {
            None => Box::pin(router.serve_with_incoming_shutdown(incoming, stopping)).await,
            Some(tls) => {
                let incoming = tls::incoming(tls, incoming, &self.lifecycle)?;
                Box::pin(router.serve_with_incoming_shutdown(incoming, stopping)).await
            }
        }
        .context("the gRPC server failed")
    }

    fn add_reflection(&mut self) -> anyhow::Result<()> {
        let builder = || {
            let names = [
                "grpc.health.v1.Health",
                "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection",
            ];
            self.names.iter().copied().chain(names).fold(
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(self.descriptors)
                    // Clients read the details of an error by reflection, too.
                    .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
                    .register_encoded_file_descriptor_set(HEALTH)
                    .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
                    .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET),
                tonic_reflection::server::Builder::with_service_name,
            )
        };
        let (current, alpha) = (builder().build_v1(), builder().build_v1alpha());
        self.routes
            .add_service(current.context("the descriptors for reflection are wrong")?);
        self.routes
            .add_service(alpha.context("the descriptors for reflection are wrong")?);
        Ok(())
    }

    /// The health of every service follows readiness, and ends with the soft stop.
    fn add_health(&mut self) {
        let reporter = HealthReporter::new();
        let health = tonic_health::server::HealthService::from_health_reporter(reporter.clone());
        self.routes
            .add_service(tonic_health::pb::health_server::HealthServer::new(health));
        let (readiness, lifecycle) = (self.readiness.clone(), self.lifecycle.clone());
        let names: Vec<_> = std::iter::once("").chain(self.names.iter().copied()).collect();
        self.lifecycle.spawn("gRPC health", async move {
            let mut latches = readiness.watch();
            let stopping = lifecycle.stopping();
            loop {
                let serving = !stopping.is_cancelled() && readiness.is_ready();
                let status = if serving {
                    ServingStatus::Serving
                } else {
                    ServingStatus::NotServing
                };
                for name in &names {
                    reporter.set_service_status(name, status).await;
                }
                if stopping.is_cancelled() {
                    break;
                }
                tokio::select! {
                    changed = latches.changed() => if changed.is_err() { break },
                    () = stopping.cancelled() => {}
                }
            }
        });
    }
}
