//! Workflows put into a given state, for tests and for captured callbacks.

use serde_json::Map;

use super::{
    run::{self, Start},
    template::Element,
    token,
};
use crate::state::{
    Portal,
    workflow::{Call, Kind, State, StepState, Workflow},
};

/// A workflow to be put in place.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    /// Event tokens of the steps that wait. The workflow's id and the steps' names are taken from them.
    pub tokens: Vec<String>,
    /// Whether these steps are branches; otherwise only the first waits and the others follow it.
    pub parallel: bool,
    /// Further steps after them.
    pub then: Vec<Element>,
    /// App and code of the waiting steps.
    pub call: Call,
    /// Accept exactly these tokens although the portal's key did not sign them.
    pub trust: bool,
    /// Module, entity, id.
    pub document_id: [String; 3],
    /// Module, entity, type.
    pub document_type: [String; 3],
    /// User who started it.
    pub started_by: u64,
}

/// Puts the workflow in place, nothing called, and gives its id.
pub fn workflow(portal: &mut Portal, seed: Seed) -> Option<String> {
    let values: Vec<&str> = seed
        .tokens
        .iter()
        .filter_map(|token| token.rsplit_once('.'))
        .map(|(v, _)| v)
        .collect();
    let id = token::parts(values.first()?).0.to_owned();
    let calls = values.iter().map(|value| {
        let name = token::parts(value).1.unwrap_or_default().to_owned();
        Element::Call(Box::new(Call {
            name,
            ..seed.call.clone()
        }))
    });
    let mut steps = if seed.parallel {
        vec![Element::Parallel {
            parallel: calls.map(|call| vec![call]).collect(),
        }]
    } else {
        calls.collect()
    };
    steps.extend(seed.then);
    super::template::save(portal, &mut steps);
    let start = Start {
        steps,
        template_id: 0,
        document_id: seed.document_id,
        document_type: seed.document_type,
        fields: Map::new(),
        started_by: seed.started_by,
    };
    let mut workflow = run::create(portal, id.clone(), start);
    let waiting = if seed.parallel { values.len() } else { 1 };
    for value in &values[..waiting] {
        wait(&mut workflow, value);
    }
    for node in &mut workflow.nodes {
        match &mut node.kind {
            // Only the sequences on the way to the waiting steps have begun, and each with its first child.
            Kind::Sequence { next, .. } => *next = 1,
            Kind::Parallel { .. } | Kind::Activity(_) => {}
        }
    }
    if seed.trust {
        portal.seeded_tokens.extend(seed.tokens.iter().cloned());
    }
    portal.workflows.insert(id.clone(), workflow);
    Some(id)
}

fn wait(workflow: &mut Workflow, value: &str) {
    let (_, name, event_id) = token::parts(value);
    if let Some(step) = name.and_then(|name| workflow.step_mut(name)) {
        step.calls = 1;
        step.state = StepState::Waiting {
            event_id: event_id.unwrap_or_default().to_owned(),
            deadline: None,
        };
    }
}

/// Ends a seeded workflow as if it had come to its end.
pub fn finish(portal: &mut Portal, id: &str) {
    if let Some(workflow) = portal.workflows.get_mut(id) {
        workflow.state = State::Completed;
        portal.instances.remove(id);
    }
}
