//! Running a workflow: from a start or an answer to the point where everything left is waiting.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::{
    expression,
    template::{self, Element},
    token, unique_id, value,
};
use crate::{
    random,
    state::{
        InstanceRow, Portal,
        outgoing::{Outgoing, Post},
        registry::{ActivityRow, internal_code},
        workflow::{Call, Closed, Kind, LogKind, State, StepState, Workflow},
    },
};

/// A timeout is capped at five years.
const LONGEST_TIMEOUT: u64 = 5 * 365 * 24 * 3600;

/// What is needed to start a workflow.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The steps.
    pub steps: Vec<Element>,
    /// Template's number, 0 for none.
    pub template_id: i64,
    /// Module, entity, id.
    pub document_id: [String; 3],
    /// Module, entity, type.
    pub document_type: [String; 3],
    /// Document fields that expressions find.
    pub fields: Map<String, Value>,
    /// User who starts it.
    pub started_by: u64,
}

/// Something to be worked on within one hit.
pub(super) enum Task {
    /// A node begins.
    Begin(usize),
    /// A node is over.
    Over(usize),
}

/// Starts a workflow and runs it until all that is left waits. Gives its id.
pub fn start(portal: &mut Portal, mut start: Start) -> String {
    template::save(portal, &mut start.steps);
    let mut workflow = create(portal, unique_id(&portal.clock), start);
    portal.counters.workflows_started += 1;
    let id = workflow.id.clone();
    advance(portal, &mut workflow, VecDeque::from([Task::Begin(0)]));
    save(portal, workflow);
    id
}

/// Ends a living workflow as an administrator does; false if there is none.
pub fn terminate(portal: &mut Portal, id: &str) -> bool {
    if !portal.instances.contains_key(id) {
        return false;
    }
    let Some(mut workflow) = portal.workflows.remove(id) else {
        return false;
    };
    workflow.state = State::Terminated;
    save(portal, workflow);
    true
}

/// A workflow with its instance row, nothing run yet.
pub(super) fn create(portal: &mut Portal, id: String, start: Start) -> Workflow {
    let nodes = template::tree(&start.steps);
    let names = nodes.iter().enumerate().filter_map(|(index, node)| match &node.kind {
        Kind::Activity(step) => Some((step.name.clone(), index)),
        Kind::Sequence { .. } | Kind::Parallel { .. } => None,
    });
    let now = portal.clock.seconds();
    let [module_id, entity, document_id] = start.document_id.clone();
    let row = InstanceRow {
        id: id.clone(),
        module_id,
        entity,
        document_id,
        template_id: start.template_id,
        started: now,
        started_by: i64::try_from(start.started_by).unwrap_or(i64::MAX),
        status: 3,
        modified: now,
        owner_id: None,
        owned_until: None,
    };
    portal.instances.insert(id.clone(), row);
    Workflow {
        id,
        document_id: start.document_id,
        document_type: start.document_type,
        fields: start.fields,
        by_name: names.collect(),
        nodes,
        log: Vec::new(),
        state: State::Running,
        started_by: start.started_by,
        saves: 0,
        document_deleted: false,
        state_missing: false,
    }
}

/// Saves a workflow, which frees its lock: a living one keeps its row with a new MODIFIED, one that is over loses it.
pub(super) fn save(portal: &mut Portal, mut workflow: Workflow) {
    workflow.saves += 1;
    if workflow.state == State::Running {
        if let Some(row) = portal.instances.get_mut(&workflow.id) {
            row.modified = portal.clock.seconds();
            row.owner_id = None;
            row.owned_until = None;
        }
    } else {
        portal.instances.remove(&workflow.id);
    }
    portal.workflows.insert(workflow.id.clone(), workflow);
}

/// Works until the queue is empty. A task may add others; there is no recursion, however deep the template.
pub(super) fn advance(portal: &mut Portal, workflow: &mut Workflow, mut queue: VecDeque<Task>) {
    while let Some(task) = queue.pop_front() {
        match task {
            Task::Begin(index) => begin(portal, workflow, index, &mut queue),
            Task::Over(index) => over(portal, workflow, index, &mut queue),
        }
    }
}

fn begin(portal: &mut Portal, workflow: &mut Workflow, index: usize, queue: &mut VecDeque<Task>) {
    match &mut workflow.nodes[index].kind {
        Kind::Sequence { children, next } => match children.first() {
            Some(first) => {
                *next = 1;
                queue.push_back(Task::Begin(*first));
            }
            None => queue.push_back(Task::Over(index)),
        },
        Kind::Parallel { children, .. } if children.is_empty() => queue.push_back(Task::Over(index)),
        Kind::Parallel { children, .. } => queue.extend(children.iter().map(|child| Task::Begin(*child))),
        Kind::Activity(_) => execute(portal, workflow, index, queue),
    }
}

fn over(portal: &mut Portal, workflow: &mut Workflow, index: usize, queue: &mut VecDeque<Task>) {
    let Some(parent) = workflow.nodes[index].parent else {
        workflow.state = State::Completed;
        portal.counters.workflows_finished += 1;
        return;
    };
    match &mut workflow.nodes[parent].kind {
        Kind::Sequence { children, next } => match children.get(*next) {
            Some(child) => {
                *next += 1;
                queue.push_back(Task::Begin(*child));
            }
            None => queue.push_back(Task::Over(parent)),
        },
        Kind::Parallel { open, .. } => {
            *open -= 1;
            if *open == 0 {
                queue.push_back(Task::Over(parent));
            }
        }
        Kind::Activity(_) => {}
    }
}

/// Closes a step and lets its parent go on.
pub(super) fn close(portal: &Portal, workflow: &mut Workflow, index: usize, how: Closed) -> Task {
    let now = portal.clock.seconds();
    if let Kind::Activity(step) = &mut workflow.nodes[index].kind {
        step.state = StepState::Closed { how };
        let name = step.name.clone();
        workflow.write(now, LogKind::Close, &name, "");
    }
    Task::Over(index)
}

/// Executes an app's step: calls the app, and waits or goes on.
fn execute(portal: &mut Portal, workflow: &mut Workflow, index: usize, queue: &mut VecDeque<Task>) {
    let Kind::Activity(step) = &mut workflow.nodes[index].kind else {
        return;
    };
    step.calls += 1;
    let (name, call) = (step.name.clone(), step.call.clone());
    let now = portal.clock.seconds();
    workflow.write(now, LogKind::Execute, &name, "");

    let Some(row) = portal
        .registry
        .activities
        .get(&internal_code(&call.client_id, &call.code))
        .cloned()
    else {
        return fault(portal, workflow, index, "Application activity is not installed.", queue);
    };
    let application_token = match portal.apps.get(&row.app_id) {
        None => return fault(portal, workflow, index, "Rest application not found.", queue),
        Some(app) if app.payment_expired => {
            let text = "Rest application status error: payment required";
            return fault(portal, workflow, index, text, queue);
        }
        Some(app) => app.application_token.clone(),
    };

    // The definition decides; where it is silent, the value saved by the designer does.
    let subscription = if row.use_subscription.is_empty() {
        call.wait.clone()
    } else {
        Some(row.use_subscription.clone())
    };
    let waits = subscription.as_deref() == Some("Y");
    let timeout = call.timeout.min(LONGEST_TIMEOUT);
    let event_id = random::event_id();
    let event_token = token::sign(portal, &format!("{}|{name}|{event_id}", workflow.id));
    let data = query_data(portal, workflow, &row, &call, event_token, subscription, timeout);
    let user = match (row.auth_user_id, call.run_as) {
        (0, 0) => workflow.started_by,
        (0, run_as) => run_as,
        (fixed, _) => u64::try_from(fixed).unwrap_or_default(),
    };
    portal.send(Outgoing {
        client_id: row.app_id.clone(),
        url: row.handler.clone(),
        user: Some(user),
        data,
        application_token,
        post: Post::Activity {
            workflow: workflow.id.clone(),
            name: name.clone(),
        },
    });

    let Kind::Activity(step) = &mut workflow.nodes[index].kind else {
        return;
    };
    step.outputs = value::defaults(&row);
    if waits {
        step.outputs.insert("IsTimeout".into(), 0.into());
        let deadline = (timeout > 0)
            .then(|| portal.clock.micros() + i64::try_from(timeout).unwrap_or(i64::MAX / 1_000_000) * 1_000_000);
        if let Some(deadline) = deadline {
            portal
                .timeouts
                .insert((deadline, workflow.id.clone(), name), event_id.clone());
        }
        step.state = StepState::Waiting { event_id, deadline };
    } else {
        let task = close(portal, workflow, index, Closed::Passed);
        queue.push_back(task);
    }
}

/// The step is logged as a fault and closed; its sequence goes on with the next one.
fn fault(portal: &mut Portal, workflow: &mut Workflow, index: usize, text: &str, queue: &mut VecDeque<Task>) {
    portal.counters.steps_faulted += 1;
    if let Kind::Activity(step) = &mut workflow.nodes[index].kind {
        step.state = StepState::Closed { how: Closed::Fault };
        let name = step.name.clone();
        workflow.write(portal.clock.seconds(), LogKind::Fault, &name, text);
    }
    queue.push_back(Task::Over(index));
}

/// The body's own fields; the relay adds `auth`.
fn query_data(
    portal: &Portal,
    workflow: &Workflow,
    row: &ActivityRow,
    call: &Call,
    event_token: String,
    subscription: Option<String>,
    timeout: u64,
) -> Map<String, Value> {
    let mut properties = Map::new();
    for (key, definition) in row.properties.as_object().into_iter().flatten() {
        let value = call
            .properties
            .get(key)
            .map(|value| expression::resolve(workflow, value))
            .unwrap_or_default();
        properties.insert(key.clone(), value::externalize(definition, value));
    }
    let mut data = Map::new();
    data.insert("workflow_id".into(), workflow.id.clone().into());
    data.insert("code".into(), row.code.clone().into());
    data.insert("document_id".into(), workflow.document_id.to_vec().into());
    data.insert("document_type".into(), workflow.document_type.to_vec().into());
    data.insert("event_token".into(), event_token.into());
    data.insert("properties".into(), Value::Object(properties));
    data.insert(
        "use_subscription".into(),
        subscription.map(Value::String).unwrap_or_default(),
    );
    data.insert("timeout_duration".into(), timeout.into());
    data.insert("ts".into(), portal.clock.seconds().into());
    data
}
