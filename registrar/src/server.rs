//! Starting, running, stopping.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use anyhow::Context;
use jiff::SignedDuration;
use service::{
    Configuration, Lifecycle, Metrics as AllMetrics, Parts, SharedClock, admin,
    admin::Readiness,
    grpc,
    seal::{Key, Sealer},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
};
use tokio_util::sync::CancellationToken;

use crate::{
    NAME, VERSION,
    config::Config,
    definition::{self, Catalog},
    installation::{Admission, Installations, Tokens},
    lifecycle::LifecycleEvents,
    metrics::Metrics,
    questions::Questions,
    reconcile::{Reconciler, Scheduler},
    remote::Remote,
    rpc::{self, Api},
    snapshot::{Snapshot, Snapshots},
    storage::Storage,
};

/// How often what nobody needs any more is deleted.
const TIDY: Duration = Duration::from_hours(1);
/// As long as a gateway keeps an event: it may hand one on again.
const KEEP_EVENTS: SignedDuration = SignedDuration::from_hours(8 * 24);
/// A replayed request is proved by its access token, which lives an hour; spent tokens need not be known much longer.
const KEEP_SPENT: SignedDuration = SignedDuration::from_hours(2 * 24);

/// The registrar's open sockets.
#[derive(Debug)]
pub struct Sockets {
    /// gRPC.
    pub grpc: TcpListener,
    /// Admin port.
    pub admin: TcpListener,
}

impl Sockets {
    /// Opens them.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            grpc: config.grpc.listen.bind("registrar.grpc.listen").await?,
            admin: config.admin.listen.bind("registrar.admin.listen").await?,
        })
    }
}

/// Runs the registrar until it is told to stop, and drains. Executors, portals and OAuth servers may be down. Where another registrar
/// works on the store, it waits until the work is its own.
pub async fn run(config: Config, sockets: Sockets, parts: Parts) -> anyhow::Result<()> {
    config.check()?;
    let admin = sockets.admin.local_addr()?;
    let readiness = Readiness::new();
    let stored = readiness.latch("the store");
    let metrics = Metrics::default();
    let mut all_metrics = AllMetrics::new(NAME, VERSION, &parts.telemetry);
    metrics.register(all_metrics.registry());
    let server = grpc::Server::new(&parts, readiness.clone(), &mut all_metrics);
    let _admin = admin::serve(sockets.admin, readiness, all_metrics, &parts.lifecycle);

    let (service_token, operator_token) = (config.service_token.clone(), config.operator_token.clone());
    let (Some(service_token), Some(operator_token)) = (service_token, operator_token) else {
        anyhow::bail!("the configuration has no tokens");
    };
    let tls = config.tls.clone();
    let storage = Storage::open(&config.store).await?;
    let stopping = parts.lifecycle.stopping();
    if stopping.run_until_cancelled(storage.work().taken()).await.is_none() {
        return Ok(());
    }
    let api = build(Arc::new(config), &parts, metrics, storage.clone()).await?;
    stored.set(true);
    tracing::info!(grpc = %sockets.grpc.local_addr()?, admin = %admin, "registrar serves");
    let bearer = grpc::Bearer::new().token("service", service_token, rpc::SERVICE).token(
        "operator",
        operator_token,
        rpc::OPERATOR,
    );
    let serving = server
        .bearer(bearer)
        .tls(tls)
        .log_traces()
        .descriptors(proto::DESCRIPTORS)
        .service(api.into_service())
        .serve(sockets.grpc);
    tokio::select! {
        ended = serving => ended?,
        () = storage.work().lost() => anyhow::bail!(
            "another registrar has taken over the work on the store; this one ends, so that it begins again as the one that stands by"
        ),
    }
    // What still runs may have tokens to write.
    parts.lifecycle.drained().await;
    storage.work().release().await;
    Ok(())
}

/// The installations in the store, whose key must be the one that it was written with.
async fn installations(config: &Config, storage: &Storage, changes: &Arc<Notify>) -> anyhow::Result<Installations> {
    let sealer = Sealer::new(&Key::load(config.store.key.as_ref(), &config.store.path)?);
    let installations = Installations::new(storage.clone(), sealer, changes.clone());
    installations.check_key().await.context("check registrar.store.key")?;
    Ok(installations)
}

/// Puts the parts together and starts the background work.
async fn build(config: Arc<Config>, parts: &Parts, metrics: Metrics, storage: Storage) -> anyhow::Result<Api> {
    let Parts {
        clock,
        lifecycle,
        telemetry,
    } = parts.clone();
    let changes = Arc::new(Notify::new());
    let installations = installations(&config, &storage, &changes).await?;
    let catalog = Catalog::restore(config.clone(), clock.clone(), storage.clone(), changes.clone()).await?;
    let catalog = Arc::new(catalog);
    let questions = Arc::new(Questions::new(config.questions, clock.clone(), metrics.clone()));
    let remote = Arc::new(Remote::new(
        config.oauth_servers()?,
        config.guard(),
        questions.clone(),
        telemetry.clone(),
    )?);
    let tokens = Arc::new(Tokens {
        config: config.clone(),
        clock: clock.clone(),
        lifecycle: lifecycle.clone(),
        remote: remote.clone(),
        installations: installations.clone(),
        metrics: metrics.clone(),
        flights: parking_lot::Mutex::default(),
        ended: AtomicU64::new(0),
    });
    let admission = Arc::new(Admission {
        clock: clock.clone(),
        remote: remote.clone(),
        tokens: tokens.clone(),
        installations: installations.clone(),
        questions,
        metrics: metrics.clone(),
    });
    let reconciler = Arc::new(Reconciler {
        config: config.clone(),
        clock: clock.clone(),
        lifecycle: lifecycle.clone(),
        telemetry,
        catalog: catalog.clone(),
        remote,
        tokens: tokens.clone(),
        installations: installations.clone(),
        storage: storage.clone(),
        metrics: metrics.clone(),
        lanes: parking_lot::Mutex::default(),
    });
    let snapshots = Arc::new(Snapshots {
        config: config.clone(),
        catalog: catalog.clone(),
        storage: storage.clone(),
        installations: installations.clone(),
        metrics,
        changes,
        current: watch::Sender::new(Arc::new(Snapshot::default())),
    });
    snapshots.rebuild().await?;
    let scheduler = Arc::new(Scheduler::new(clock.clone(), reconciler.clone()));
    scheduler.all(None).await?;
    let events = LifecycleEvents {
        config: config.clone(),
        clock: clock.clone(),
        storage: storage.clone(),
        admission: admission.clone(),
        installations: installations.clone(),
        scheduler: scheduler.clone(),
    };
    let keep = SignedDuration::try_from(config.keep_revisions).unwrap_or(SignedDuration::MAX);
    let tidying = tidy(keep, clock, storage.clone(), lifecycle.stopping());
    lifecycle.spawn("tidying", tidying);
    lifecycle.spawn("snapshots", snapshots.clone().run(lifecycle.stopping()));
    lifecycle.spawn("schedule", scheduler.clone().run(lifecycle.stopping()));
    watch_definitions(&catalog, &config, &lifecycle, &scheduler);
    Ok(Api {
        config,
        lifecycle,
        catalog,
        installations,
        storage,
        tokens,
        admission,
        events,
        reconciler,
        scheduler,
        snapshots,
    })
}

/// A new current set goes to all portals of its app.
fn watch_definitions(catalog: &Arc<Catalog>, config: &Config, lifecycle: &Lifecycle, scheduler: &Arc<Scheduler>) {
    let scheduler = scheduler.clone();
    definition::watch(catalog, config, lifecycle, move |apps| {
        let scheduler = scheduler.clone();
        async move {
            for app in apps {
                if let Err(error) = scheduler.all(Some(&app)).await {
                    tracing::error!(app, %error, "the app's portals could not be scheduled");
                }
            }
        }
    });
}

/// Deletes what nobody needs any more, now and then.
async fn tidy(keep: SignedDuration, clock: SharedClock, storage: Storage, stopping: CancellationToken) {
    loop {
        let now = clock.now();
        let pruned = match now.checked_sub(keep) {
            Ok(before) => storage.prune_revisions(before).await,
            Err(_) => Ok(0),
        };
        match (pruned, storage.tidy(now - KEEP_EVENTS, now - KEEP_SPENT).await) {
            (Ok(pruned), Ok(())) => tracing::debug!(pruned, "tidied"),
            (Err(error), _) | (_, Err(error)) => tracing::warn!(%error, "tidying failed"),
        }
        if stopping.run_until_cancelled(tokio::time::sleep(TIDY)).await.is_none() {
            break;
        }
    }
}
