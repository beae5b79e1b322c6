//! Reconciles installations: one pass at a time each, and none while the portal wants a pause.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::SignedDuration;
use parking_lot::Mutex;
use proto::registrar::v1::InstallationState as State;
use service::{
    Backoff, Lifecycle, SharedClock, Telemetry,
    telemetry::{KeyValue, SpanKind, log_span},
};
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tracing::Instrument as _;

use super::{
    desired::Desired,
    pass::Pass,
    session::{Session, Stop},
};
use crate::{
    config::Config,
    definition::Catalog,
    error::Error,
    installation::{Installation, Installations, Key, Tokens},
    metrics::Metrics,
    remote::{Parent, Remote},
    storage::{Outcome, Registration, Storage},
};

/// How often everything is updated, whatever we believe the portal to hold.
const BLIND: SignedDuration = SignedDuration::from_hours(24);
/// How long a portal that asks for a pause is left alone; its leaky bucket empties in 25 s.
const PAUSE: Backoff = Backoff::seconds(2, 300);
/// Looks at an installation whose user may not work now.
const LOOK: Backoff = Backoff::seconds(60, 900);
/// How soon a pass that met trouble is tried again.
const RETRY: Backoff = Backoff::seconds(15, 600);
/// How often an installation that does not work is tried.
const DEAD: Duration = Duration::from_hours(1);

/// Reconciles installations.
pub(crate) struct Reconciler {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: SharedClock,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) telemetry: Telemetry,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) remote: Arc<Remote>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) installations: Installations,
    pub(crate) storage: Storage,
    pub(crate) metrics: Metrics,
    pub(crate) lanes: Mutex<HashMap<Key, Arc<AsyncMutex<Lane>>>>,
}

/// The passes of one installation.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Nothing is called before (monotonic).
    paused_until: Option<Duration>,
    failures: u32,
}

/// How a pass ended.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) state: State,
    /// What went wrong; empty: nothing.
    pub(crate) problem: String,
    /// The desired activities, as they are on the portal.
    pub(crate) activities: Vec<Registration>,
    /// When the next pass is due.
    pub(crate) again: Duration,
}

impl Reconciler {
    /// Runs a pass in a task of its own, so that a caller who goes away does not cut it. Nothing: no such installation.
    pub(crate) async fn run(self: &Arc<Self>, key: &Key, parent: &Parent) -> Result<Option<Report>, Error> {
        let (done, result) = oneshot::channel();
        let (reconciler, key, parent) = (self.clone(), key.clone(), parent.clone());
        self.lifecycle.spawn("reconciliation", async move {
            drop(done.send(reconciler.reconcile(&key, &parent).await));
        });
        result.await.unwrap_or_else(|_| Err(Error::Stopping))
    }

    async fn reconcile(&self, key: &Key, parent: &Parent) -> Result<Option<Report>, Error> {
        let lane = self.lanes.lock().entry(key.clone()).or_default().clone();
        let mut lane = lane.lock().await;
        let installation = self.installations.get(key).await?;
        let Some(installation) = installation.filter(|_| self.config.apps.contains_key(key.app.as_str())) else {
            return Ok(None);
        };
        let paused = lane
            .paused_until
            .and_then(|until| until.checked_sub(self.clock.monotonic()));
        if let Some(pause) = paused.filter(|pause| !pause.is_zero()) {
            let problem = format!("the portal asked for a pause: {}", installation.problem);
            return self.stored(&installation, problem, pause).await.map(Some);
        }
        let mut span = self.telemetry.span("reconcile", SpanKind::Internal, parent.as_ref());
        span.set(KeyValue::new("bizproc.app", key.app.clone()));
        span.set(KeyValue::new("bizproc.portal", key.member_id.clone()));
        let parent = Some(span.context().clone());
        let report = self
            .pass(&installation, &mut lane, &parent)
            .instrument(log_span(span.context()))
            .await?;
        if !report.problem.is_empty() {
            span.fail(report.problem.clone());
        }
        Ok(Some(report))
    }

    async fn pass(&self, installation: &Installation, lane: &mut Lane, parent: &Parent) -> Result<Report, Error> {
        let (key, now) = (&installation.key, self.clock.now());
        let mut pass = Pass {
            desired: self.desired(installation),
            event_handler: self.handler(&key.app),
            blind: installation
                .updated_all
                .is_none_or(|at| now.duration_since(at) >= BLIND),
            now,
            state: installation.state,
            bound: installation.bound.clone(),
            steps: Vec::new(),
            installation,
            storage: &self.storage,
        };
        let result = match Session::open(&self.remote, &self.tokens, &self.installations, installation, parent).await {
            Ok(mut session) => pass.run(&mut session).await,
            Err(stop) => Err(stop),
        };
        let failed = pass.steps.iter().filter(|step| !step.problem.is_empty()).count();
        let (mut state, mut lost, mut again) = (
            pass.state,
            installation.administrator_lost,
            self.config.reconcile_interval,
        );
        lane.paused_until = None;
        let (metric, problem) = match result {
            Ok(()) => {
                lost = false;
                match failed {
                    0 => ("ok", String::new()),
                    _ => (
                        "incomplete",
                        format!("{failed} of {} activities are not registered", pass.steps.len()),
                    ),
                }
            }
            Err(Stop::Internal(error)) => return Err(error),
            Err(Stop::Lost { state: found, problem }) => {
                (state, again) = (found, DEAD);
                ("lost", problem)
            }
            Err(Stop::AdministratorLost(problem)) => {
                lost = true;
                // Who was blocked may be let in again.
                lane.failures += 1;
                again = LOOK.delay(lane.failures).min(self.config.reconcile_interval);
                let user = installation.user_id;
                (
                    "denied",
                    format!("user {user} may not register activities: an administrator must open the app ({problem})"),
                )
            }
            Err(Stop::Slow { pause, problem }) => {
                lane.failures += 1;
                again = PAUSE.delay(lane.failures).max(pause);
                lane.paused_until = Some(self.clock.monotonic() + again);
                ("paused", problem)
            }
            Err(Stop::Trouble(problem)) => {
                lane.failures += 1;
                again = RETRY.delay(lane.failures).min(self.config.reconcile_interval);
                ("trouble", problem)
            }
        };
        if !matches!(metric, "paused" | "trouble" | "denied") {
            lane.failures = 0;
        }
        self.metrics.reconciled(metric);
        log(key, metric, &problem, &pass.steps);
        let outcome = Outcome {
            state,
            problem: problem.clone(),
            administrator_lost: lost,
            bound: pass.bound,
            updated_all: pass.blind && metric == "ok",
            at: pass.now,
        };
        self.installations.reconciled(installation, outcome).await?;
        Ok(Report {
            state,
            problem,
            activities: pass.steps,
            again,
        })
    }

    /// What the portal should hold: the current sets of the app, in the order of their codes.
    fn desired(&self, installation: &Installation) -> Vec<Desired> {
        let Some(public_url) = &self.config.public_url else {
            return Vec::new();
        };
        let app = &installation.key.app;
        let mut desired: Vec<_> = self
            .catalog
            .current(Some(app))
            .iter()
            .flat_map(|current| {
                let handler = public_url.activity_handler(app, &current.revision);
                let of = |activity| Desired::new(activity, &current.revision, &handler, installation.user_id);
                current.set.activities().iter().map(of).collect::<Vec<_>>()
            })
            .collect();
        desired.sort_by(|one, other| one.code.cmp(&other.code));
        desired
    }

    fn handler(&self, app: &str) -> String {
        self.config
            .public_url
            .as_ref()
            .map(|url| url.event_handler(app))
            .unwrap_or_default()
    }

    /// What is known without asking.
    pub(crate) async fn stored(
        &self,
        installation: &Installation,
        problem: String,
        again: Duration,
    ) -> Result<Report, Error> {
        let activities = self.storage.reads().registrations(installation.key.clone()).await?;
        Ok(Report {
            state: installation.state,
            problem,
            activities,
            again,
        })
    }
}

fn log(key: &Key, result: &str, problem: &str, steps: &[Registration]) {
    let Key { app, member_id } = key;
    let count = |wanted| {
        steps
            .iter()
            .filter(|step| step.step == wanted && step.problem.is_empty())
            .count()
    };
    let (added, updated) = (
        count(proto::registrar::v1::Step::Add),
        count(proto::registrar::v1::Step::Update),
    );
    if !problem.is_empty() {
        tracing::warn!(
            app,
            member_id,
            result,
            added,
            updated,
            problem,
            "portal reconciled with problems"
        );
    } else if added + updated > 0 {
        tracing::info!(app, member_id, added, updated, "portal reconciled");
    } else {
        tracing::debug!(app, member_id, "portal is as desired");
    }
}
