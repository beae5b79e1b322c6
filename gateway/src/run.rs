//! Starts the service and stops it.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use proto::gateway::v1::jobs_server::JobsServer;
use service::{
    Metrics, Parts,
    admin::{self, Readiness},
    grpc::{Bearer, Server},
    seal::{Key, Sealer},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    Config, NAME, VERSION,
    engine::Engine,
    health::Health,
    hot::Hot,
    http::{Buffers, Gate, Requests, Server as HttpServer, router},
    jobs::JobsService,
    metrics::Counts,
    portal::{HttpClient, Portals},
    quarantine::Quarantine,
    registrar::Registrar,
    shared::Shared,
    storage::Storage,
    sync::Sync,
    upkeep::Upkeep,
    work::Work,
};

/// Longest wait for running jobs at the soft stop; what isn't over then is in the store.
const DRAIN: Duration = Duration::from_secs(15);

/// The open sockets of a gateway.
#[derive(Debug)]
pub struct Sockets {
    /// Callbacks, events, the app's page.
    pub http: TcpListener,
    /// The Jobs service.
    pub grpc: TcpListener,
    /// `/live`, `/ready`, `/metrics`.
    pub admin: TcpListener,
}

impl Sockets {
    /// Opens the sockets that `config` names.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            http: config.http.listen.bind("gateway.http.listen").await?,
            grpc: config.grpc.listen.bind("gateway.grpc.listen").await?,
            admin: config.admin.listen.bind("gateway.admin.listen").await?,
        })
    }
}

/// Serves until the soft stop, and returns when the running jobs are done. What waits is in the store.
///
/// # Errors
/// The store can't be used, or a part of the service can't start.
pub async fn run(config: Config, sockets: Sockets, parts: Parts) -> anyhow::Result<()> {
    let readiness = Readiness::new();
    let mut metrics = Metrics::new(NAME, VERSION, &parts.telemetry);
    let hot = Hot::start().context("the hot path's thread could not be started")?;
    let (shared, sync) = prepare(config, &parts, &readiness, &mut metrics, &hot).await?;
    let engine = engine(&shared)?;
    let quarantine = Arc::new(Quarantine::new(shared.storage.clone(), &shared.config.limits));
    quarantine.recount().await?;

    let (http, grpc, admin) = (
        sockets.http.local_addr()?,
        sockets.grpc.local_addr()?,
        sockets.admin.local_addr()?,
    );
    tracing::info!(%http, %grpc, %admin, "gateway serves");
    let operator_token = shared
        .config
        .operator_token
        .clone()
        .context("gateway.operator_token is required")?;
    let server = Server::new(&parts, readiness.clone(), &mut metrics)
        .bearer(Bearer::new().token("operator", operator_token, ["/gateway.v1.Jobs/"]))
        .tls(shared.config.tls.clone())
        .descriptors(proto::DESCRIPTORS)
        .service(JobsServer::new(JobsService {
            storage: shared.storage.clone(),
            engine: engine.clone(),
        }));
    let _admin = admin::serve(sockets.admin, readiness, metrics, &parts.lifecycle);
    let taking = take_posts(&hot, &shared, &engine, &quarantine, sockets.http)?;
    let work = Work {
        shared: shared.clone(),
        engine: engine.clone(),
        quarantine: quarantine.clone(),
    };
    {
        let _on_the_hot_thread = hot.handle().enter();
        parts.lifecycle.spawn("work", work.run());
    }
    parts.lifecycle.spawn("sync", sync.run());
    let upkeep = Upkeep {
        shared: shared.clone(),
        engine: engine.clone(),
        quarantine,
    };
    parts.lifecycle.spawn("upkeep", upkeep.run());

    server.serve(sockets.grpc).await?;
    taking.await??;
    let storage = &shared.storage;
    let drained = tokio::select! {
        drained = tokio::time::timeout(DRAIN, engine.idle()) => drained.is_ok(),
        () = storage.work().lost() => anyhow::bail!(
            "another gateway has taken over the work on the store; this one ends, so that it begins again as the one that stands by"
        ),
    };
    if drained {
        tracing::info!("gateway drained");
    } else {
        tracing::info!(
            jobs = engine.jobs(),
            "gateway stops; running jobs begin again at the next start"
        );
    }
    // They write to the store, whose writes are released on the hot thread: it ends after them.
    parts.lifecycle.drained().await;
    storage.work().release().await;
    Ok(())
}

/// Opens the store and takes the last snapshot from it.
async fn prepare(
    config: Config,
    parts: &Parts,
    readiness: &Readiness,
    metrics: &mut Metrics,
    hot: &Hot,
) -> anyhow::Result<(Arc<Shared>, Sync)> {
    let service_token = config
        .registrar
        .token
        .as_ref()
        .context("gateway.registrar.token is required")?;
    let registrar = Registrar::new(&config.registrar.uri, service_token)?;
    let sealer = Sealer::new(&Key::load(config.store.key.as_ref(), &config.store.path)?);
    let (store_latch, snapshot_latch) = (
        readiness.latch("the store"),
        readiness.latch("the registrar's definitions"),
    );
    // Opened there, because that is where its writes are released.
    let store = config.store.clone();
    let storage = hot.handle().spawn(async move { Storage::open(&store).await }).await??;
    let (sender, latest) = watch::channel(None);
    let sync = Sync {
        registrar: registrar.clone(),
        storage: storage.clone(),
        latest: sender,
        latch: snapshot_latch,
        lifecycle: parts.lifecycle.clone(),
    };
    sync.restore().await?;
    let shared = Shared {
        config,
        storage,
        latest,
        registrar,
        sealer,
        health: Health::new(store_latch),
        counts: Arc::new(Counts::new(metrics.registry())),
        clock: parts.clock.clone(),
        telemetry: parts.telemetry.clone(),
        lifecycle: parts.lifecycle.clone(),
    };
    Ok((Arc::new(shared), sync))
}

/// The engine, which runs nothing yet.
fn engine(shared: &Arc<Shared>) -> anyhow::Result<Engine> {
    let client = HttpClient::new(shared.config.guard()).context("TLS to portals can't be set up")?;
    let rates = shared.config.limits.rates();
    let portals = Portals::new(client, shared.registrar.clone(), shared.clock.clone(), rates);
    Ok(Engine::new(shared.clone(), portals))
}

/// Takes posts on the hot thread.
fn take_posts(
    hot: &Hot,
    shared: &Arc<Shared>,
    engine: &Engine,
    quarantine: &Arc<Quarantine>,
    listener: TcpListener,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let gate = Gate {
        shared: shared.clone(),
        engine: engine.clone(),
        quarantine: quarantine.clone(),
        buffers: Buffers::new(shared.config.limits.buffered_bytes),
        requests: Requests::new(shared.config.http.connections_per_source),
    };
    let server = HttpServer {
        router: router(Arc::new(gate)),
        config: shared.config.http.clone(),
        counts: shared.counts.connections.clone(),
        lifecycle: shared.lifecycle.clone(),
    };
    let listener = listener.into_std()?;
    Ok(hot.handle().spawn(async move {
        server.run(TcpListener::from_std(listener)?).await;
        Ok(())
    }))
}
