//! The calls that a portal received, for tests to look at.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use serde_json::{Map, Value};

/// Calls kept.
const KEPT: usize = 20_000;

/// The newest calls.
#[derive(Debug, Default)]
pub struct Received {
    calls: VecDeque<Call>,
    counts: HashMap<String, u64>,
    next: u64,
}

/// One REST call.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// Number since the portal's creation.
    pub number: u64,
    /// Unix microseconds.
    pub time: i64,
    /// Method, lower case.
    pub method: String,
    /// Parameters without authorisation.
    pub params: Map<String, Value>,
    /// Content type of the request.
    pub content_type: String,
    /// App of the token, if any.
    pub client_id: Option<String>,
    /// User of the token.
    pub user_id: u64,
    /// HTTP status given.
    pub status: u16,
    /// `error` of the answer.
    pub error: Option<String>,
}

impl Received {
    /// Notes a call and numbers it.
    pub fn push(&mut self, mut call: Call) {
        call.number = self.next;
        self.next += 1;
        *self.counts.entry(call.method.clone()).or_default() += 1;
        if self.calls.len() == KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// Calls from number `from` on, of `method` if given.
    pub fn since(&self, from: u64, method: Option<&str>) -> Vec<Call> {
        let wanted = |call: &&Call| call.number >= from && method.is_none_or(|method| method == call.method);
        self.calls.iter().filter(wanted).cloned().collect()
    }

    /// Calls of a method since the last [`Self::clear`], also those no longer kept.
    pub fn count(&self, method: &str) -> u64 {
        self.counts.get(method).copied().unwrap_or_default()
    }

    /// Forgets them; numbers go on.
    pub fn clear(&mut self) {
        self.calls.clear();
        self.counts.clear();
    }
}
