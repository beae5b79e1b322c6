//! A job on a terminal, or as JSON.

use proto::gateway::v1::{HistoryEntry, Job, Outcome, State};
use serde_json::{Value, json};

use crate::output;

/// `history`: what people did with it.
pub(super) fn job(json: bool, job: &Job, history: &[HistoryEntry]) -> std::io::Result<()> {
    if json {
        let mut value = to_json(job);
        if !history.is_empty() {
            value["history"] = history.iter().map(entry_to_json).collect();
        }
        return output::line(&value.to_string());
    }
    output::line(&format!("job {}  {}", job.id, state(job)))?;
    let row = |name: &str, text: String| {
        if text.is_empty() {
            Ok(())
        } else {
            output::line(&format!("  {name:<10} {text}"))
        }
    };
    row(
        "activity",
        format!("{} (app {}, revision {})", job.code, job.app, job.revision),
    )?;
    row("portal", job.member_id.clone())?;
    row("workflow", job.workflow_id.clone())?;
    row("document", job.document_id.join(" "))?;
    row("received", time(job.received.as_ref()))?;
    row("deadline", time(job.deadline.as_ref()))?;
    row("changed", time(job.changed.as_ref()))?;
    row("attempts", job.attempts.to_string())?;
    row("next try", time(job.next_attempt.as_ref()))?;
    row("problem", job.problem.clone())?;
    row("trace", job.trace_id.clone())?;
    for entry in history {
        let before = ended(entry.state(), entry.outcome());
        row(
            plain(entry.action().as_str_name(), "ACTION_").as_str(),
            format!("{} by {}: {}", time(entry.at.as_ref()), entry.by, entry.why),
        )?;
        let problem = Some(&entry.problem).filter(|problem| !problem.is_empty());
        let problem = problem.map(|problem| format!(": {problem}")).unwrap_or_default();
        row("  before", format!("{before}, attempts {}{problem}", entry.attempts))?;
    }
    Ok(())
}

/// State and, once there is one, outcome.
pub(crate) fn state(job: &Job) -> String {
    ended(job.state(), job.outcome())
}

fn ended(state: State, outcome: Outcome) -> String {
    let state = plain(state.as_str_name(), "STATE_");
    match outcome {
        Outcome::Unspecified => state,
        outcome => format!("{state}, {}", plain(outcome.as_str_name(), "OUTCOME_")),
    }
}

fn plain(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', "-")
}

fn to_json(job: &Job) -> Value {
    json!({
        "id": job.id, "state": job.state().as_str_name(), "outcome": job.outcome().as_str_name(),
        "app": job.app, "member_id": job.member_id, "workflow_id": job.workflow_id, "code": job.code,
        "document_id": job.document_id, "revision": job.revision, "attempts": job.attempts,
        "received": time(job.received.as_ref()), "deadline": time(job.deadline.as_ref()),
        "changed": time(job.changed.as_ref()), "next_attempt": time(job.next_attempt.as_ref()),
        "problem": job.problem, "trace_id": job.trace_id,
    })
}

fn entry_to_json(entry: &HistoryEntry) -> Value {
    json!({
        "at": time(entry.at.as_ref()), "action": entry.action().as_str_name(), "by": entry.by, "why": entry.why,
        "state": entry.state().as_str_name(), "outcome": entry.outcome().as_str_name(), "attempts": entry.attempts,
        "problem": entry.problem,
    })
}

/// RFC 3339, UTC, to the millisecond; empty if there is none.
fn time(timestamp: Option<&prost_types::Timestamp>) -> String {
    let timestamp = timestamp.and_then(|time| jiff::Timestamp::new(time.seconds, time.nanos).ok());
    timestamp.map(|time| format!("{time:.3}")).unwrap_or_default()
}
