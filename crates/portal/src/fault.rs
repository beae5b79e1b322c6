//! Wrong answers that a portal or the authorisation server is told to give.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::random::Seeded;

/// Rules in order; the first that fits and is not used up counts.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    chance: Seeded,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// REST method in lower case, or a path of the authorisation server (`/oauth/token/`); empty = every call.
    pub method: String,
    /// How often it applies; `null` = until removed.
    pub times: Option<u64>,
    /// It applies to so many of a hundred calls, by chance; `null` = to each.
    pub percent: Option<u64>,
    /// Calls to let pass first.
    pub after: u64,
    /// Wait before anything else, milliseconds of real time.
    pub delay_ms: u64,
    /// Do the work of the call before answering wrongly.
    pub work: bool,
    /// HTTP status to answer with; `null` = the right answer (a rule that is only slow).
    pub status: Option<u16>,
    /// Body: a JSON value, sent as JSON; a text is sent as HTML.
    pub body: Value,
    /// `Location` header.
    pub location: Option<String>,
    /// Break the connection instead of answering.
    pub cut: bool,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            method: String::new(),
            times: None,
            percent: None,
            after: 0,
            delay_ms: 0,
            work: false,
            status: None,
            body: Value::Null,
            location: None,
            cut: false,
        }
    }
}

impl Rule {
    /// What the wrong answer tells, in short.
    pub fn outcome(&self) -> String {
        match (self.body["error"].as_str(), self.status) {
            _ if self.cut => "cut".into(),
            (Some(code), _) => code.into(),
            (None, Some(status)) => format!("status {status}"),
            (None, None) => "ok".into(),
        }
    }
}

impl Faults {
    /// Adds a rule.
    pub fn push(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules as they stand.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule for a call, counted down.
    pub fn next(&mut self, method: &str) -> Option<Rule> {
        let found = self
            .rules
            .iter_mut()
            .find(|rule| (rule.method.is_empty() || rule.method == method) && rule.times != Some(0))?;
        if found.after > 0 {
            found.after -= 1;
            return None;
        }
        if found.percent.is_some_and(|percent| !self.chance.hits(percent)) {
            return None;
        }
        if let Some(times) = &mut found.times {
            *times -= 1;
        }
        Some(found.clone())
    }
}

/// What the relay does wrong on a portal's posts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelayFaults {
    /// Of `drop_of` posts, this many are lost.
    pub drop: u64,
    /// See `drop`; 0 = no drops.
    pub drop_of: u64,
    /// Of `duplicate_of` posts, this many are sent twice, at the same time.
    pub duplicate: u64,
    /// See `duplicate`; 0 = no duplicates.
    pub duplicate_of: u64,
    /// Wait before a post, milliseconds.
    pub delay_ms: u64,
    /// A random wait of up to this on top: order gets lost.
    pub jitter_ms: u64,
    /// Hold everything back until this is off again.
    pub paused: bool,
    /// The handler's host and port, instead of the one in the URL: a tunnel for handlers with a public name.
    pub connect_to: Option<String>,
    /// The path that posts go to, instead of the one in the URL: bodies at a wrong address.
    pub path: Option<String>,
}
