//! Answers to waiting steps: `bizproc.event.send` and `bizproc.activity.log`.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::{
    run::{self, Task},
    token, unique_id,
    value::{self, Caller},
};
use crate::{
    context::{Context, Failure, Job, Outcome, Params, Reply},
    php::{cast::truthy, text::upper_keys},
    state::{
        EventSend, Portal,
        registry::internal_code,
        workflow::{Closed, Kind, LogKind, State, StepState, Workflow},
    },
};

/// What an app's answer writes into the log when it has no text of its own.
const DEFAULT_LOG: &str = "Received application response";
/// A lock is marked as owned for this long; nobody ever looks at the mark.
const OWNED_FOR: i64 = 300;

/// Why a workflow could not be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotResumed {
    /// No id given.
    NoId,
    /// Unknown, or over.
    NotFound,
    /// Another hit holds the lock.
    Locked,
    /// The server's code fails with a PHP error; the lock stays held.
    Crashed,
}

impl From<NotResumed> for Failure {
    fn from(error: NotResumed) -> Self {
        match error {
            NotResumed::NoId => Self::bad("0", "workflowId"),
            NotResumed::NotFound => Self::bad("404", "The business process is not found."),
            NotResumed::Locked => Self::bad("423", "The workflow is hung or being executed"),
            NotResumed::Crashed => Self::Php("TypeError".into()),
        }
    }
}

/// `bizproc.event.send`: checks the signature, queues the work, answers `true`. Servers of 2025 did the work at once.
pub fn event_send(portal: &mut Portal, context: &mut Context, params: &Params) -> Outcome {
    let params = upper_keys(params);
    let token = token::verify(portal, params.get("EVENT_TOKEN")).ok_or_else(Failure::access_denied)?;
    let job = Job {
        token: token.to_owned(),
        return_values: params.get("RETURN_VALUES").cloned().unwrap_or_default(),
        log_message: params.get("LOG_MESSAGE").cloned().unwrap_or_default(),
        user_zone_offset: context.user_zone_offset,
    };
    match portal.settings.event_send {
        EventSend::Async2026 => context.jobs.push(job),
        EventSend::Sync2025 => {
            let owner = unique_id(&portal.clock);
            take_lock(portal, &job, &owner)?;
            resume(portal, &job)?;
        }
    }
    portal.counters.answers_accepted += 1;
    Ok(Reply::new(true))
}

/// `bizproc.activity.log`: synchronous, and a write: it takes the lock, saves the workflow and may terminate it.
pub fn activity_log(portal: &mut Portal, _context: &mut Context, params: &Params) -> Outcome {
    let params = upper_keys(params);
    let token = token::verify(portal, params.get("EVENT_TOKEN"))
        .ok_or_else(Failure::access_denied)?
        .to_owned();
    let message = params.get("LOG_MESSAGE").cloned().unwrap_or_default();
    if !truthy(&message) {
        return Err(Failure::bad("ERROR_EMPTY_LOG_MESSAGE", "Empty log message!"));
    }
    let (id, activity, event_id) = token::parts(&token);
    lock(portal, id, &unique_id(&portal.clock))?;
    let Some(mut workflow) = unlocked(portal, id, activity)? else {
        return Ok(Reply::new(true));
    };
    if let Some(activity) = activity
        && waiting(&workflow, activity, event_id).is_some()
    {
        workflow.write(portal.clock.seconds(), LogKind::Custom, activity, log_text(&message));
    }
    run::save(portal, workflow);
    Ok(Reply::new(true))
}

/// The order in which a request's `n` background jobs run: 1, n, n-1, …, 2 (PHP's priority queue with equal priorities).
pub fn job_order(n: usize) -> impl Iterator<Item = usize> {
    (0..n.min(1)).chain((1..n).rev())
}

/// Runs the jobs of one request in one process, one after another. A job that fails doesn't stop the others.
pub fn run_jobs(portal: &mut Portal, jobs: &[Job]) {
    let owner = unique_id(&portal.clock);
    for index in job_order(jobs.len()) {
        if take_lock(portal, &jobs[index], &owner).is_ok() {
            let _ = resume(portal, &jobs[index]);
        }
    }
}

/// First half of an answer: takes the workflow's lock for `owner`, or counts why it is dropped.
pub fn take_lock(portal: &mut Portal, job: &Job, owner: &str) -> Result<(), NotResumed> {
    let (id, ..) = token::parts(&job.token);
    let outcome = lock(portal, id, owner);
    match outcome {
        Ok(()) => {}
        Err(NotResumed::Locked) => portal.counters.answers_ignored.locked += 1,
        Err(_) if portal.workflows.contains_key(id) => portal.counters.answers_ignored.finished += 1,
        Err(_) => portal.counters.answers_ignored.unknown += 1,
    }
    outcome
}

/// Second half: delivers the answer if the step still waits for this event id, runs on and saves, which frees the lock.
pub fn resume(portal: &mut Portal, job: &Job) -> Result<(), NotResumed> {
    let (id, activity, event_id) = token::parts(&job.token);
    let mut workflow = match unlocked(portal, id, activity) {
        Ok(Some(workflow)) => workflow,
        Ok(None) => {
            portal.counters.answers_ignored.terminated += 1;
            return Ok(());
        }
        Err(error) => {
            portal.counters.answers_ignored.crashed += 1;
            return Err(error);
        }
    };
    let found = activity.and_then(|activity| waiting(&workflow, activity, event_id));
    if let Some(index) = found {
        let loses = portal.settings.lost_saves > 0 || portal.chance.hits(portal.settings.lost_saves_percent);
        if loses {
            portal.settings.lost_saves = portal.settings.lost_saves.saturating_sub(1);
            lose_save(portal, workflow, index, job);
            return Ok(());
        }
        portal.counters.answers_applied += 1;
        let task = deliver(portal, &mut workflow, index, job);
        run::advance(portal, &mut workflow, VecDeque::from([task]));
    } else {
        portal.counters.answers_ignored.stale += 1;
    }
    run::save(portal, workflow);
    Ok(())
}

/// The lock is read and taken in two statements: a second hit may overwrite it in between. Then the first one runs on, its next steps'
/// callbacks leave, and its save is refused. What was stored before stays, and waits for the same answer again.
fn lose_save(portal: &mut Portal, workflow: Workflow, index: usize, job: &Job) {
    let (counters, timeouts) = (portal.counters.clone(), portal.timeouts.clone());
    let mut run = workflow.clone();
    let task = deliver(portal, &mut run, index, job);
    run::advance(portal, &mut run, VecDeque::from([task]));
    let posts_queued = portal.counters.posts_queued;
    portal.counters = counters;
    portal.counters.posts_queued = posts_queued;
    portal.counters.answers_ignored.save_lost += 1;
    portal.timeouts = timeouts;
    run::save(portal, workflow);
}

/// Takes the lock of a living workflow. A held lock stays held whatever its mark says.
pub(super) fn lock(portal: &mut Portal, id: &str, owner: &str) -> Result<(), NotResumed> {
    if id.is_empty() {
        return Err(NotResumed::NoId);
    }
    let now = portal.clock.seconds();
    let row = portal.instances.get_mut(id).ok_or(NotResumed::NotFound)?;
    if row.owner_id.as_deref().is_some_and(|holder| holder != owner) {
        return Err(NotResumed::Locked);
    }
    row.owner_id = Some(owner.to_owned());
    row.owned_until = Some(now + OWNED_FOR);
    Ok(())
}

/// Takes a locked workflow out of the store; `None` when its document or state is gone and it was terminated.
/// A token without an activity part makes the server's code fail here, with the lock held.
fn unlocked(portal: &mut Portal, id: &str, activity: Option<&str>) -> Result<Option<Workflow>, NotResumed> {
    if activity.is_none() {
        return Err(NotResumed::Crashed);
    }
    let mut workflow = portal.workflows.remove(id).ok_or(NotResumed::NotFound)?;
    if workflow.document_deleted || workflow.state_missing {
        workflow.state = State::Terminated;
        run::save(portal, workflow);
        return Ok(None);
    }
    Ok(Some(workflow))
}

/// The node that waits under this name for this event id.
fn waiting(workflow: &Workflow, activity: &str, event_id: Option<&str>) -> Option<usize> {
    let index = *workflow.by_name.get(activity)?;
    match &workflow.nodes[index].kind {
        Kind::Activity(step) => match &step.state {
            StepState::Waiting { event_id: expected, .. } if Some(expected.as_str()) == event_id => Some(index),
            StepState::Waiting { .. } | StepState::Pending | StepState::Closed { .. } => None,
        },
        Kind::Sequence { .. } | Kind::Parallel { .. } => None,
    }
}

fn log_text(message: &Value) -> &str {
    match message.as_str() {
        Some(text) if truthy(message) => text,
        _ => DEFAULT_LOG,
    }
}

fn deliver(portal: &mut Portal, workflow: &mut Workflow, index: usize, job: &Job) -> Task {
    let caller = Caller {
        zone_offset: job.user_zone_offset,
    };
    let now = portal.clock.seconds();
    let Kind::Activity(step) = &mut workflow.nodes[index].kind else {
        return Task::Over(index);
    };
    let name = step.name.clone();
    if let StepState::Waiting {
        deadline: Some(deadline),
        ..
    } = step.state
    {
        portal.timeouts.remove(&(deadline, workflow.id.clone(), name.clone()));
    }
    step.completions += 1;
    if step.completions == 1 && step.acknowledged {
        portal.counters.steps_acknowledged_and_answered += 1;
    }
    if step.completions > 1 {
        portal.counters.steps_completed_twice += 1;
    }
    // An activity that is not registered at this moment has no definitions: the workflow goes on without the values.
    if let Some(row) = portal
        .registry
        .activities
        .get(&internal_code(&step.call.client_id, &step.call.code))
    {
        let given = by_upper_key(&job.return_values);
        for (key, definition) in row.return_properties.as_object().into_iter().flatten() {
            if let Some(given) = given.get(&key.to_ascii_uppercase()) {
                step.outputs
                    .insert(key.clone(), value::internalize(portal, caller, definition, given));
            }
        }
    }
    workflow.write(now, LogKind::Custom, &name, log_text(&job.log_message));
    run::close(portal, workflow, index, Closed::Answered)
}

/// `RETURN_VALUES` cast to an array with its keys in upper case.
fn by_upper_key(values: &Value) -> Map<String, Value> {
    match values {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.to_ascii_uppercase(), value.clone()))
            .collect(),
        _ => Map::new(),
    }
}
