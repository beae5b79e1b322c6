//! The service, put together.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use proto::gateway::v1::jobs_server::JobsServer;
use service::{
    Metrics, Parts,
    admin::{self, Readiness},
    grpc::{Bearer, Server},
};
use store::Db;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    Config, NAME, VERSION,
    engine::{Engine, Wiring},
    events::Events,
    hot::Hot,
    http::{Buffers, Gate, Server as HttpServer, router},
    job::Millis,
    jobs::JobsService,
    metrics::Counts,
    persist::{self, load},
    portal::{HttpClient, Portals},
    quarantine::{Quarantine, Worker},
    registrar::Registrar,
    seal::Sealer,
    sync::Sync,
    upkeep::{Health, Upkeep},
};

/// Longest wait for jobs in hand at the soft stop; what isn't over then is in the store.
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

/// Serves until the soft stop, and returns when the jobs in hand are done. What waits is in the store.
///
/// # Errors
/// The store can't be used, or a part of the service can't start.
#[expect(clippy::too_many_lines, reason = "one part after the other")]
pub async fn run(config: Config, sockets: Sockets, parts: Parts) -> anyhow::Result<()> {
    let Parts {
        clock,
        lifecycle,
        telemetry,
    } = parts.clone();
    let (http, grpc, admin) = (
        sockets.http.local_addr()?,
        sockets.grpc.local_addr()?,
        sockets.admin.local_addr()?,
    );
    let (Some(operator_token), Some(service_token)) = (&config.operator_token, &config.registrar.token) else {
        anyhow::bail!("gateway.operator_token and gateway.registrar.token are required");
    };
    let sealer = Arc::new(Sealer::new(&config.store.load_key()?));
    let registrar = Registrar::new(&config.registrar.uri, service_token)?;

    let readiness = Readiness::new();
    let (store_latch, snapshot_latch) = (
        readiness.latch("the store"),
        readiness.latch("the registrar's definitions"),
    );
    let mut metrics = Metrics::new(NAME, VERSION, &telemetry);
    let counts = Arc::new(Counts::new(metrics.registry()));

    let hot = Hot::start().context("the hot path's thread could not be started")?;
    // Opened there, because that is where its writes are released.
    let path = config.store.path.clone();
    let db = hot
        .handle()
        .spawn(async move { Db::open(path, persist::MIGRATIONS) })
        .await??;
    let now: Millis = clock.now().into();
    let recovered = db.write(move |tx| load::recover(tx, now)).await?;
    let newest = db.read(load::newest).await?;
    tracing::info!(%http, %grpc, %admin, jobs = recovered, "gateway serves");

    let (latest_sender, latest) = watch::channel(None);
    let sync = Sync {
        registrar: registrar.clone(),
        db: db.clone(),
        latest: latest_sender,
        latch: snapshot_latch,
        lifecycle: lifecycle.clone(),
    };
    sync.restore().await?;

    let client = HttpClient::new().context("TLS to portals can't be set up")?;
    let engine = Engine::new(
        Wiring {
            db: db.clone(),
            latest: latest.clone(),
            portals: Portals::new(client, registrar.clone(), clock.clone(), config.limits.sends),
            clock: clock.clone(),
            telemetry: telemetry.clone(),
            counts: counts.clone(),
            limits: config.limits.clone(),
            lifecycle: lifecycle.clone(),
        },
        newest,
    );
    let quarantine = Arc::new(Quarantine::new(db.clone(), &config.limits));
    quarantine.recount().await?;
    let health = Health::new(store_latch);

    let gate = Arc::new(Gate {
        db: db.clone(),
        engine: engine.clone(),
        quarantine: quarantine.clone(),
        sealer: sealer.clone(),
        latest: latest.clone(),
        registrar: registrar.clone(),
        telemetry: telemetry.clone(),
        clock: clock.clone(),
        counts: counts.clone(),
        health: health.clone(),
        buffers: Buffers::new(config.limits.buffered_bytes),
        limits: config.limits.clone(),
        body_timeout: config.http.body_timeout,
        trusted_proxies: config.http.trusted_proxies.clone(),
    });
    let server = HttpServer {
        router: router(gate),
        max_connections: config.http.max_connections,
        lifecycle: lifecycle.clone(),
    };
    let listener = sockets.http.into_std()?;
    let serving = hot.handle().spawn(async move {
        let listener = TcpListener::from_std(listener)?;
        server.run(listener).await;
        anyhow::Ok(())
    });
    {
        let _on_the_hot_thread = hot.handle().enter();
        lifecycle.spawn("loader", engine.clone().load());
    }
    lifecycle.spawn("sync", sync.run());
    lifecycle.spawn(
        "quarantine",
        Worker {
            quarantine: quarantine.clone(),
            db: db.clone(),
            sealer: sealer.clone(),
            registrar: registrar.clone(),
            engine: engine.clone(),
            latest,
            clock: clock.clone(),
            counts: counts.clone(),
            limits: config.limits.clone(),
            lifecycle: lifecycle.clone(),
        }
        .run(),
    );
    lifecycle.spawn(
        "events",
        Events {
            quarantine,
            db: db.clone(),
            sealer,
            registrar,
            clock: clock.clone(),
            counts: counts.clone(),
            limits: config.limits.clone(),
            lifecycle: lifecycle.clone(),
        }
        .run(),
    );
    lifecycle.spawn(
        "upkeep",
        Upkeep {
            db: db.clone(),
            engine: engine.clone(),
            health,
            counts,
            clock,
            retention: config.retention,
            lifecycle: lifecycle.clone(),
        }
        .run(),
    );

    let server = Server::new(&parts, readiness.clone(), &mut metrics)
        .bearer(Bearer::new().token("operator", operator_token.clone(), ["/gateway.v1.Jobs/"]))
        .descriptors(proto::DESCRIPTORS)
        .service(JobsServer::new(JobsService { db: db.clone() }));
    let _admin = admin::serve(sockets.admin, readiness, metrics, &lifecycle);
    engine.wake(now);
    server.serve(sockets.grpc).await?;
    serving.await??;
    if let Ok(()) = tokio::time::timeout(DRAIN, engine.idle()).await {
        tracing::info!("gateway drained");
    } else {
        tracing::info!(
            jobs = engine.jobs(),
            "gateway stops; jobs in hand begin again at the next start"
        );
    }
    Ok(())
}
