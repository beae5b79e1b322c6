//! Waiting for something to happen, so that a test needs no sleep.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Problem, portal_missing, view};
use crate::{
    state::{Portal, workflow},
    world::Shared,
};

/// What to wait for: a workflow's end, a state of one of its steps, a counter, or what an app has registered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Until {
    /// Workflow that is to be over.
    workflow: Option<String>,
    /// Step of that workflow that is to be closed; or to wait, with `state=waiting`.
    step: Option<String>,
    state: Option<String>,
    /// Counter by name, `answers_ignored.locked` for inner ones, or `calls:METHOD` for calls received.
    counter: Option<String>,
    at_least: Option<u64>,
    /// App whose activities and robots are to be exactly `codes`, separated by commas.
    app: Option<String>,
    #[serde(default)]
    codes: String,
    /// Give up after this, real time; 30 s by default.
    timeout_ms: Option<u64>,
}

/// Holds the answer back until it has happened; 408 if it does not.
pub(super) async fn wait(
    State(shared): State<Shared>,
    Path(portal): Path<String>,
    Query(until): Query<Until>,
) -> Answer {
    let mut changes = shared.changes();
    let happened = async {
        loop {
            let found = shared.read_portal(&portal, |hosted| match calls_of(&until) {
                Some(method) => {
                    let count = hosted.received.count(method);
                    Ok((count >= until.at_least.unwrap_or(1)).then(|| json!({"calls": count})))
                }
                None => look(&hosted.portal, &until),
            });
            if let Some(found) = found.ok_or_else(portal_missing)?? {
                return Ok(Json(found));
            }
            tokio::select! {
                () = shared.stopping().cancelled() => return Err(Problem::timeout()),
                _ = changes.changed() => {}
            }
        }
    };
    let limit = Duration::from_millis(until.timeout_ms.unwrap_or(30_000));
    tokio::time::timeout(limit, happened)
        .await
        .unwrap_or_else(|_| Err(Problem::timeout()))
}

fn calls_of(until: &Until) -> Option<&str> {
    until
        .counter
        .as_deref()
        .and_then(|counter| counter.strip_prefix("calls:"))
}

fn look(portal: &Portal, until: &Until) -> Result<Option<Value>, Problem> {
    if let Some(name) = &until.counter {
        let counters = json!(portal.counters);
        let value = name
            .split('.')
            .try_fold(&counters, |value, part| value.get(part))
            .and_then(Value::as_u64);
        let value = value.ok_or_else(|| Problem::bad(format!("no counter named {name:?}; see GET …/counters")))?;
        return Ok((value >= until.at_least.unwrap_or(1)).then_some(counters));
    }
    if let Some(app) = &until.app {
        let rows = portal.registry.activities.values().filter(|row| row.app_id == *app);
        let codes: BTreeSet<&str> = rows.map(|row| row.code.as_str()).collect();
        let wanted = until.codes.split(',').filter(|code| !code.is_empty()).collect();
        return Ok((codes == wanted).then(|| view::rows(portal)));
    }
    let id = until
        .workflow
        .as_deref()
        .ok_or_else(|| Problem::bad("give `workflow`, `counter` or `app`"))?;
    let workflow = portal
        .workflows
        .get(id)
        .ok_or_else(|| Problem::bad("no such workflow"))?;
    let done = match &until.step {
        None => workflow.state != workflow::State::Running,
        Some(step) => {
            let step = workflow.step(step).ok_or_else(|| Problem::bad("no such step"))?;
            json!(step.state)["state"] == until.state.as_deref().unwrap_or("closed")
        }
    };
    Ok(if done { view::workflow(portal, id) } else { None })
}
