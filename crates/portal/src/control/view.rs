//! What the control API shows.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, portal_missing};
use crate::{
    hosting,
    state::{Portal, registry::ActivityRow},
    world::Shared,
};

/// A workflow with its steps, values, lock and log.
pub(super) fn workflow(portal: &Portal, id: &str) -> Option<Value> {
    let workflow = portal.workflows.get(id)?;
    let row = portal.instances.get(id);
    let steps: Vec<Value> = workflow
        .steps()
        .map(|step| {
            let mut shown = json!(step.state);
            shown["name"] = json!(step.name);
            shown["code"] = json!(step.call.code);
            shown["client_id"] = json!(step.call.client_id);
            shown["values"] = json!(step.outputs);
            shown["calls"] = json!(step.calls);
            shown["acknowledged"] = json!(step.acknowledged);
            shown["completions"] = json!(step.completions);
            shown
        })
        .collect();
    let values: Map<String, Value> = workflow
        .steps()
        .map(|step| (step.name.clone(), json!(step.outputs)))
        .collect();
    Some(json!({
        "id": workflow.id,
        "state": workflow.state,
        "document_id": workflow.document_id,
        "document_type": workflow.document_type,
        "started_by": workflow.started_by,
        "locked": row.is_some_and(|row| row.owner_id.is_some()),
        "modified": row.map(|row| row.modified),
        "saves": workflow.saves,
        "steps": steps,
        "values": values,
        "log": workflow.log,
    }))
}

pub(super) async fn overview(State(shared): State<Shared>) -> Json<Value> {
    Json(shared.read(|world| {
        json!({
            "oauth": {"url": world.oauth.origin(), "server_endpoint": world.oauth.server_endpoint()},
            "portals": world.portals.iter().map(|(name, hosted)| hosting::info(name, hosted)).collect::<Vec<_>>(),
            "now": shared.clock().seconds(),
            "documentation": "crates/portal/README.md",
        })
    }))
}

pub(super) async fn clock(State(shared): State<Shared>) -> Json<Value> {
    Json(json!({"now": shared.clock().seconds()}))
}

pub(super) async fn oauth(State(shared): State<Shared>) -> Json<Value> {
    Json(shared.read(|world| {
        json!({
            "url": world.oauth.origin(),
            "refreshes": world.oauth.refreshes,
            "refreshes_of_used": world.oauth.refreshes_of_used,
            "requests": world.oauth.requests,
        })
    }))
}

/// Rows of activities and robots as the server's table has them.
pub(super) fn rows(portal: &Portal) -> Value {
    portal.registry.activities.values().map(ActivityRow::columns).collect()
}

pub(super) async fn activities(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    let rows = shared.read_portal(&portal, |hosted| rows(&hosted.portal));
    rows.map(Json).ok_or_else(portal_missing)
}

#[derive(Deserialize)]
pub(super) struct Calls {
    #[serde(default)]
    from: u64,
    method: Option<String>,
}

/// Calls received, from a number on, of one method if wanted.
pub(super) async fn calls(
    State(shared): State<Shared>,
    Path(portal): Path<String>,
    Query(query): Query<Calls>,
) -> Answer {
    let calls = shared.read_portal(&portal, |hosted| {
        json!(hosted.received.since(query.from, query.method.as_deref()))
    });
    calls.map(Json).ok_or_else(portal_missing)
}

#[derive(Deserialize)]
pub(super) struct Posts {
    #[serde(default)]
    from: u64,
    kind: Option<String>,
}

/// Posts to handlers, from a number on, of one kind (`activity`, `event`) if wanted.
pub(super) async fn posts(
    State(shared): State<Shared>,
    Path(portal): Path<String>,
    Query(query): Query<Posts>,
) -> Answer {
    let posts = shared.read_portal(&portal, |hosted| {
        json!(hosted.posted.since(query.from, query.kind.as_deref()))
    });
    posts.map(Json).ok_or_else(portal_missing)
}

pub(super) async fn forget_calls(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    shared
        .change_portal(&portal, |hosted| hosted.received.clear())
        .ok_or_else(portal_missing)?;
    Ok(Json(json!([])))
}

pub(super) async fn counters(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    shared
        .read_portal(&portal, |hosted| json!(hosted.portal.counters))
        .map(Json)
        .ok_or_else(portal_missing)
}

/// Steps whose callback was acknowledged and which still wait: what an app that loses work leaves behind.
pub(super) async fn unanswered(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    let list = shared.read_portal(&portal, |hosted| {
        let waiting = hosted.portal.instances.keys().filter_map(|id| hosted.portal.workflows.get(id)).flat_map(|workflow| {
            let open = workflow.steps().filter(|step| step.acknowledged && step.completions == 0);
            open.map(|step| json!({"workflow": workflow.id, "activity": step.name, "code": step.call.code, "step": step.state}))
        });
        waiting.collect()
    });
    list.map(Json).ok_or_else(portal_missing)
}
