//! Templates: what the designer would save.

use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::{
    random,
    state::{
        Portal,
        registry::ActivityRow,
        workflow::{Call, Kind, Node, Step, StepState},
    },
};

/// An element of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Element {
    /// Branches that run at once, each a sequence.
    Parallel {
        /// Branches.
        parallel: Vec<Vec<Element>>,
    },
    /// An app's activity.
    Call(Box<Call>),
}

/// Finds the row that a template's step refers to, as the designer does: by app and code.
fn find<'a>(portal: &'a Portal, call: &Call) -> Option<&'a ActivityRow> {
    portal
        .registry
        .activities
        .values()
        .find(|row| row.code == call.code && (call.client_id.is_empty() || call.client_id == row.app_id))
}

/// Saves a template: names the nodes, resolves the app of each step and fills defaults in from the definitions of now.
pub fn save(portal: &Portal, elements: &mut [Element]) {
    for element in elements {
        match element {
            Element::Parallel { parallel } => parallel.iter_mut().for_each(|branch| save(portal, branch)),
            Element::Call(call) => save_call(portal, call),
        }
    }
}

fn save_call(portal: &Portal, call: &mut Call) {
    if call.name.is_empty() {
        let part = || random::below(90_000) + 10_000;
        call.name = format!("A{}_{}_{}_{}", part(), part(), part(), part());
    }
    if let Some(row) = find(portal, call) {
        call.client_id.clone_from(&row.app_id);
        for (key, definition) in row.properties.as_object().into_iter().flatten() {
            if let (false, Some(default)) = (call.properties.contains_key(key), definition.get("DEFAULT")) {
                call.properties.insert(key.clone(), default.clone());
            }
        }
    } else if call.client_id.is_empty()
        && let [only] = portal.apps.keys().collect::<Vec<_>>()[..]
    {
        call.client_id.clone_from(only);
    }
}

/// A name that two steps have.
pub fn repeated_name(elements: &[Element]) -> Option<&str> {
    let mut names = Vec::new();
    collect_names(elements, &mut names);
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

fn collect_names<'a>(elements: &'a [Element], names: &mut Vec<&'a str>) {
    for element in elements {
        match element {
            Element::Parallel { parallel } => parallel.iter().for_each(|branch| collect_names(branch, names)),
            Element::Call(call) if call.name.is_empty() => {}
            Element::Call(call) => names.push(&call.name),
        }
    }
}

/// Makes the tree of a sequence. The root is node 0.
pub fn tree(elements: &[Element]) -> Vec<Node> {
    let mut nodes = Vec::new();
    sequence(&mut nodes, None, elements);
    nodes
}

fn sequence(nodes: &mut Vec<Node>, parent: Option<usize>, elements: &[Element]) -> usize {
    let own = nodes.len();
    nodes.push(Node {
        parent,
        kind: Kind::Sequence {
            children: Vec::new(),
            next: 0,
        },
    });
    let children = elements
        .iter()
        .map(|element| match element {
            Element::Parallel { parallel } => branches(nodes, own, parallel),
            Element::Call(call) => {
                nodes.push(Node {
                    parent: Some(own),
                    kind: Kind::Activity(Box::new(step(call))),
                });
                nodes.len() - 1
            }
        })
        .collect();
    nodes[own].kind = Kind::Sequence { children, next: 0 };
    own
}

fn branches(nodes: &mut Vec<Node>, parent: usize, parallel: &[Vec<Element>]) -> usize {
    let own = nodes.len();
    nodes.push(Node {
        parent: Some(parent),
        kind: Kind::Parallel {
            children: Vec::new(),
            open: 0,
        },
    });
    let children = parallel
        .iter()
        .map(|branch| sequence(nodes, Some(own), branch))
        .collect();
    nodes[own].kind = Kind::Parallel {
        children,
        open: parallel.len(),
    };
    own
}

fn step(call: &Call) -> Step {
    Step {
        name: call.name.clone(),
        call: call.clone(),
        state: StepState::Pending,
        outputs: Map::new(),
        calls: 0,
        acknowledged: false,
        completions: 0,
    }
}
