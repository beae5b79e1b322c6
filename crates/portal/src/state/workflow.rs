//! A workflow as it stands: its steps, their outputs, its log.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One workflow, living or over.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// `uniqid('', true)`.
    pub id: String,
    /// Module, entity, id.
    pub document_id: [String; 3],
    /// Module, entity, type.
    pub document_type: [String; 3],
    /// What `{=Document:…}` finds.
    pub fields: Map<String, Value>,
    /// The steps as a tree in one list; 0 is the root.
    pub nodes: Vec<Node>,
    /// Activity name → node.
    pub by_name: IndexMap<String, usize>,
    /// The tracking log.
    pub log: Vec<LogEntry>,
    /// Where it is.
    pub state: State,
    /// User who started it.
    pub started_by: u64,
    /// How often it was saved: what MODIFIED shows in whole seconds.
    pub saves: u64,
    /// The document is gone: the next hit terminates the workflow.
    pub document_deleted: bool,
    /// The state row is gone, with the same effect.
    pub state_missing: bool,
}

/// Where a workflow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Has an instance row.
    Running,
    /// Came to its end.
    Completed,
    /// Ended by the server or an administrator.
    Terminated,
}

/// A node of the step tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// Index of the parent; the root has none.
    pub parent: Option<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// One after another; `next` is the child to start next.
    Sequence {
        /// Nodes in order.
        children: Vec<usize>,
        /// Index into `children`.
        next: usize,
    },
    /// All at once; over when none is open.
    Parallel {
        /// Branches.
        children: Vec<usize>,
        /// Branches that are not over.
        open: usize,
    },
    /// An app's activity.
    Activity(Box<Step>),
}

/// A step that calls an app.
#[derive(Debug, Clone)]
pub struct Step {
    /// Name of the template's node, part of the event token.
    pub name: String,
    /// What the template says.
    pub call: Call,
    /// What it does now.
    pub state: StepState,
    /// Returned values by the definition's key, and `IsTimeout`.
    pub outputs: Map<String, Value>,
    /// How often it was executed.
    pub calls: u32,
    /// A callback of it was answered 2xx.
    pub acknowledged: bool,
    /// Completions by an answer; more than one is a fault of the portal under test.
    pub completions: u32,
}

/// An app's activity in a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Call {
    /// Node name, unique in the template; made up if empty.
    pub name: String,
    /// The activity's code.
    pub code: String,
    /// App; may be left out when only one app has the code.
    pub client_id: String,
    /// Values of the settings dialog, with expressions. What is left out takes the definition's default, as when a
    /// person drops the activity into a template and saves; `null` leaves it untouched.
    pub properties: Map<String, Value>,
    /// The dialog's "wait for an answer" (`Y` or `N`), used only when the definition leaves it to the designer.
    pub wait: Option<String>,
    /// Time-out in seconds, 0 = none.
    pub timeout: u64,
    /// The dialog's "run as", 0 = by the definition.
    pub run_as: u64,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum StepState {
    /// Not reached.
    Pending,
    /// Waits for an answer.
    Waiting {
        /// The event id that the answer must carry.
        event_id: String,
        /// When it times out, unix microseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline: Option<i64>,
    },
    /// Over.
    Closed {
        /// How.
        how: Closed,
    },
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Closed {
    /// By an answer.
    Answered,
    /// It did not wait.
    Passed,
    /// By its time-out.
    Timeout,
    /// It could not be called.
    Fault,
}

/// A line of the tracking log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// Unix seconds.
    pub time: i64,
    /// Kind.
    pub kind: LogKind,
    /// Activity name.
    pub activity: String,
    /// Text; empty for the beginning and end of a step.
    pub text: String,
}

/// Kinds of log lines that the emulator writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogKind {
    /// A step begins.
    Execute,
    /// A step is over.
    Close,
    /// A step failed.
    Fault,
    /// An app's or an activity's own line.
    Custom,
}

impl Workflow {
    /// The app's and activities' own lines, in order: what a person sees with logging enabled.
    pub fn custom_log(&self) -> Vec<&str> {
        self.log
            .iter()
            .filter(|entry| entry.kind == LogKind::Custom)
            .map(|entry| entry.text.as_str())
            .collect()
    }

    /// A step by its activity name.
    pub fn step(&self, name: &str) -> Option<&Step> {
        match &self.nodes[*self.by_name.get(name)?].kind {
            Kind::Activity(step) => Some(step),
            Kind::Sequence { .. } | Kind::Parallel { .. } => None,
        }
    }

    /// Same, to change it.
    pub fn step_mut(&mut self, name: &str) -> Option<&mut Step> {
        let index = *self.by_name.get(name)?;
        match &mut self.nodes[index].kind {
            Kind::Activity(step) => Some(step),
            Kind::Sequence { .. } | Kind::Parallel { .. } => None,
        }
    }

    /// All steps in the template's order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            Kind::Activity(step) => Some(&**step),
            Kind::Sequence { .. } | Kind::Parallel { .. } => None,
        })
    }

    /// Writes a line. The server trims the text and its column holds 65,535 bytes.
    pub fn write(&mut self, time: i64, kind: LogKind, activity: &str, text: &str) {
        let mut text = text.trim_matches([' ', '\t', '\n', '\r', '\0', '\x0b']);
        if text.len() > 65_535 {
            let mut cut = 65_535;
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            text = &text[..cut];
        }
        self.log.push(LogEntry {
            time,
            kind,
            activity: activity.into(),
            text: text.into(),
        });
    }
}
