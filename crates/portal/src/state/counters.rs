//! What happened on a portal, in numbers that tests wait for.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counters of one portal since its creation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Workflows started.
    pub workflows_started: u64,
    /// Workflows that came to their end.
    pub workflows_finished: u64,
    /// Callbacks and events handed to the relay.
    pub posts_queued: u64,
    /// Answered 2xx by the handler.
    pub callbacks_acknowledged: u64,
    /// Answered otherwise.
    pub callbacks_refused: u64,
    /// No answer: connection failed or 15 s passed.
    pub callbacks_failed: u64,
    /// Dropped by a fault rule.
    pub callbacks_dropped: u64,
    /// Events answered 2xx.
    pub events_acknowledged: u64,
    /// Events refused, or not delivered.
    pub events_failed: u64,
    /// Steps of which a callback was answered 2xx.
    pub steps_acknowledged: u64,
    /// Of these, steps that an answer completed: equal to the number above when nothing was lost.
    pub steps_acknowledged_and_answered: u64,
    /// `event.send` answered `true`.
    pub answers_accepted: u64,
    /// Answers that completed their step.
    pub answers_applied: u64,
    /// Answers that were dropped, by reason.
    pub answers_ignored: Ignored,
    /// Workflows that hits of others locked and saved.
    pub saves_by_others: u64,
    /// Steps completed by more than one answer.
    pub steps_completed_twice: u64,
    /// Steps that ran into their time-out.
    pub steps_timed_out: u64,
    /// Steps whose activity could not be called.
    pub steps_faulted: u64,
    /// REST requests received, whatever became of them.
    pub requests: u64,
    /// Of these, calls that no fault rule took away; batch commands not counted apart.
    pub rest_calls: u64,
    /// What the requests were answered with.
    pub replies: Replies,
    /// Calls by method, in lower case, whether they succeeded or not.
    pub methods: BTreeMap<String, Calls>,
}

/// How often a method was called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// By a request of its own.
    pub alone: u64,
    /// As a command of a batch.
    pub in_batches: u64,
}

/// Answers to REST requests by HTTP status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Replies {
    /// 200 to 299.
    pub ok: u64,
    /// 429.
    pub too_many: u64,
    /// 503.
    pub overloaded: u64,
    /// Other 4xx.
    pub refused: u64,
    /// Other 5xx.
    pub failed: u64,
    /// Redirects and whatever else.
    pub other: u64,
    /// Broken off by a fault rule.
    pub cut: u64,
}

impl Counters {
    /// Counts a call of a method.
    pub fn called(&mut self, method: &str, in_batch: bool) {
        let calls = self.methods.entry(method.to_owned()).or_default();
        if in_batch {
            calls.in_batches += 1;
        } else {
            calls.alone += 1;
        }
    }
}

impl Replies {
    /// Counts an answer.
    pub fn add(&mut self, status: u16) {
        let counter = match status {
            200..=299 => &mut self.ok,
            429 => &mut self.too_many,
            503 => &mut self.overloaded,
            400..=499 => &mut self.refused,
            500..=599 => &mut self.failed,
            _ => &mut self.other,
        };
        *counter += 1;
    }
}

/// Why an accepted answer had no effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// Another hit held the workflow's lock.
    pub locked: u64,
    /// The step does not wait (answered before, timed out, never waited) or waits for another event id.
    pub stale: u64,
    /// No such workflow.
    pub unknown: u64,
    /// The workflow is over.
    pub finished: u64,
    /// The document or state is gone; the workflow was terminated.
    pub terminated: u64,
    /// The workflow ran on, but its save was lost to another hit; its callbacks had left.
    pub save_lost: u64,
    /// The server's own code failed and left the lock held.
    pub crashed: u64,
}
