//! One pass over one portal.

use std::collections::{BTreeMap, BTreeSet};

use activity::Kind;
use bitrix::rest::{CallError, ErrorKind, codes};
use jiff::Timestamp;
use proto::registrar::v1::{InstallationState as State, Step};
use serde_json::{Value, json};

use super::{
    desired::Desired,
    plan::{Action, Observed, applied, plan},
    session::{Session, Stop},
};
use crate::{
    error::Error,
    installation::Installation,
    storage::{Registration, Storage},
};

/// Events that tell of an app's life on a portal. The last is hardly ever sent, but what sends it is what wipes activities.
const EVENTS: [&str; 3] = ["ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE"];

/// What a pass works on and what it finds.
pub(super) struct Pass<'a> {
    pub(super) installation: &'a Installation,
    pub(super) storage: &'a Storage,
    pub(super) desired: Vec<Desired>,
    /// Where the portal should send events.
    pub(super) event_handler: String,
    /// Update also what seems as desired.
    pub(super) blind: bool,
    pub(super) now: Timestamp,
    /// State found so far.
    pub(super) state: State,
    /// Event handler that the portal knows.
    pub(super) bound: String,
    /// What was done, in the order of `desired`.
    pub(super) steps: Vec<Registration>,
}

/// The kinds that the portal has methods for.
struct Available {
    observed: Observed,
    missing: BTreeSet<&'static str>,
}

impl Pass<'_> {
    /// Does what is missing. However it ends, what was done is in the store.
    pub(super) async fn run(&mut self, session: &mut Session<'_>) -> Result<(), Stop> {
        // Temporary it stays whatever the portal says: only an administrator's credentials change that.
        let asks = self.installation.state != State::Temporary;
        if asks && (self.blind || self.installation.state != State::Active) {
            self.state = if session.is_installed().await? {
                State::Active
            } else {
                State::Incomplete
            };
        }
        let key = self.installation.key.clone();
        let before = self.storage.reads().registrations(key).await?;
        let kinds = self.kinds(&before);
        let mut available = list(session, kinds).await?;
        let actions = plan(&self.desired, &available.observed, &applied(&before), self.blind);
        let known: BTreeMap<_, _> = before.iter().map(|one| (one.code.as_str(), one)).collect();

        let mut changed = false;
        for (desired, action) in self.desired.clone().iter().zip(actions) {
            let mut step = Registration {
                code: desired.code.clone(),
                kind: desired.kind,
                name: desired.name.clone(),
                revision: desired.revision.clone(),
                digest: Some(desired.digest),
                step: Step::Keep,
                observed: available.observed.has(desired.kind, &desired.code),
                problem: String::new(),
            };
            let lacking = available.missing.contains(list_method(desired.kind));
            let outcome = if lacking {
                Ok(Err(
                    "the portal's plan has no business processes of this kind".to_owned()
                ))
            } else {
                self.act(session, desired, action, &mut step.step).await
            };
            if let Err(problem) = outcome? {
                step.problem = problem;
                // Still as it was before, and its revision still needed.
                step.digest = None;
                if let Some(old) = known.get(desired.code.as_str()).filter(|old| old.kind == desired.kind) {
                    (step.digest, step.revision) = (old.digest.filter(|_| step.observed), old.revision.clone());
                }
            } else {
                changed |= step.step != Step::Keep;
            }
            let key = &self.installation.key;
            self.storage.put_registrations(key, vec![step.clone()]).await?;
            self.steps.push(step);
        }
        if changed {
            available = list(session, kinds).await?;
        }
        self.read_back(&available.observed, &before)
            .await
            .map_err(Stop::Internal)?;
        let lacking = |one: &Desired| available.missing.contains(list_method(one.kind));
        if self.state == State::Active && self.desired.iter().any(lacking) {
            self.state = State::NoBizproc;
        }
        self.bind(session).await
    }

    /// The kinds to list: an activity's code may be taken by a robot, and the other way round, so both, if any.
    fn kinds(&self, before: &[Registration]) -> &'static [Kind] {
        if self.desired.is_empty() && before.is_empty() {
            &[]
        } else {
            &[Kind::Activity, Kind::Robot]
        }
    }

    /// Does one action; the inner error is for people and this activity's alone.
    async fn act(
        &self,
        session: &mut Session<'_>,
        desired: &Desired,
        action: Action,
        done: &mut Step,
    ) -> Result<Result<(), String>, Stop> {
        let (first, second, race) = match action {
            Action::Keep => return Ok(Ok(())),
            Action::Blocked => {
                let other = if desired.kind == Kind::Robot {
                    "an activity"
                } else {
                    "a robot"
                };
                let code = &desired.code;
                return Ok(Err(format!(
                    "the portal holds `{code}` as {other}: delete that one, or choose another code"
                )));
            }
            Action::Add => (Step::Add, Step::Update, ErrorKind::AlreadyInstalled),
            Action::Update => (Step::Update, Step::Add, ErrorKind::ActivityNotFound),
        };
        *done = first;
        let mut result = apply(session, desired, first).await?;
        // Somebody else was quicker; once is a race, twice is a contradiction.
        if result.as_ref().is_err_and(|error| error.kind == race) {
            *done = second;
            result = apply(session, desired, second).await?;
        }
        Ok(result.map_err(|error| error.to_string()))
    }

    /// Notes what the portal lists after the work, and forgets what it does not list and nobody wants.
    async fn read_back(&mut self, observed: &Observed, before: &[Registration]) -> Result<(), Error> {
        let mut differ = Vec::new();
        for step in &mut self.steps {
            let there = observed.has(step.kind, &step.code);
            if !there && step.problem.is_empty() {
                step.problem = "the portal took it, but does not list it".into();
                step.digest = None;
            }
            if there != step.observed || !step.problem.is_empty() {
                step.observed = there;
                differ.push(step.clone());
            }
        }
        let wanted: BTreeSet<_> = self.steps.iter().map(|step| step.code.as_str()).collect();
        let gone = |old: &&Registration| !wanted.contains(old.code.as_str()) && !observed.has(old.kind, &old.code);
        let gone = before.iter().filter(gone).map(|old| old.code.clone()).collect();
        let key = &self.installation.key;
        self.storage.put_registrations(key, differ).await?;
        Ok(self.storage.delete_registrations(key, gone).await?)
    }

    /// Has the portal tell of installations and uninstallations.
    async fn bind(&mut self, session: &mut Session<'_>) -> Result<(), Stop> {
        let adopted_since = self
            .installation
            .reconciled
            .is_none_or(|at| at <= self.installation.adopted);
        if self.bound == self.event_handler && !self.blind && !adopted_since {
            return Ok(());
        }
        for event in EVENTS {
            let params = json!({ "event": event, "handler": self.event_handler });
            match session.call("event.bind", params).await? {
                Ok(_) => {}
                Err(error) if error.kind == ErrorKind::AlreadyBound => {}
                // A portal that does not know the event won't send it.
                Err(error) if error.code == "ERROR_EVENT_NOT_FOUND" => continue,
                Err(error) => return Err(Stop::Trouble(error.to_string())),
            }
            // The old address may belong to somebody else by now, and events carry tokens.
            if !self.bound.is_empty() && self.bound != self.event_handler {
                let params = json!({ "event": event, "handler": self.bound });
                if let Err(error) = session.call("event.unbind", params).await? {
                    return Err(Stop::Trouble(error.to_string()));
                }
            }
        }
        self.bound.clone_from(&self.event_handler);
        Ok(())
    }
}

async fn apply(session: &mut Session<'_>, desired: &Desired, step: Step) -> Result<Result<(), CallError>, Stop> {
    let (method, params) = match (desired.kind, step) {
        (Kind::Activity, Step::Add) => ("bizproc.activity.add", desired.add()),
        (Kind::Robot, Step::Add) => ("bizproc.robot.add", desired.add()),
        (Kind::Activity, _) => ("bizproc.activity.update", desired.update()),
        (Kind::Robot, _) => ("bizproc.robot.update", desired.update()),
    };
    Ok(session.call(method, params).await?.map(drop))
}

async fn list(session: &mut Session<'_>, kinds: &[Kind]) -> Result<Available, Stop> {
    let mut available = Available {
        observed: Observed::default(),
        missing: BTreeSet::new(),
    };
    for kind in kinds {
        let method = list_method(*kind);
        let found = match session.call(method, Value::Null).await? {
            Ok(reply) => codes(&reply).map_err(|error| Stop::Trouble(format!("{method}: {error}")))?,
            Err(error) if error.kind == ErrorKind::MethodNotFound => {
                available.missing.insert(method);
                continue;
            }
            Err(error) => return Err(Stop::Trouble(error.to_string())),
        };
        match kind {
            Kind::Activity => available.observed.activities.extend(found),
            Kind::Robot => available.observed.robots.extend(found),
        }
    }
    Ok(available)
}

fn list_method(kind: Kind) -> &'static str {
    match kind {
        Kind::Activity => "bizproc.activity.list",
        Kind::Robot => "bizproc.robot.list",
    }
}
