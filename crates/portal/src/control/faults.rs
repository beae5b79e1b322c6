//! Wrong answers, as the control API asks for them.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde_json::json;

use super::{Answer, portal_missing, read};
use crate::{
    fault::{RelayFaults, Rule},
    world::Shared,
};

pub(super) async fn list(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    shared
        .read_portal(&portal, |hosted| json!(hosted.faults.rules()))
        .map(Json)
        .ok_or_else(portal_missing)
}

pub(super) async fn add(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let rule: Rule = read(&body)?;
    shared
        .change_portal(&portal, |hosted| hosted.faults.push(rule))
        .ok_or_else(portal_missing)?;
    list(State(shared), Path(portal)).await
}

pub(super) async fn clear(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    shared
        .change_portal(&portal, |hosted| hosted.faults.clear())
        .ok_or_else(portal_missing)?;
    Ok(Json(json!([])))
}

pub(super) async fn relay(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let faults: RelayFaults = read(&body)?;
    let shown = json!(faults);
    shared
        .change_portal(&portal, |hosted| hosted.relay = faults)
        .ok_or_else(portal_missing)?;
    Ok(Json(shown))
}

pub(super) async fn add_oauth(State(shared): State<Shared>, body: Bytes) -> Answer {
    let rule: Rule = read(&body)?;
    Ok(Json(shared.change(|world| {
        world.oauth.faults.push(rule);
        json!(world.oauth.faults.rules())
    })))
}

pub(super) async fn clear_oauth(State(shared): State<Shared>) -> Json<serde_json::Value> {
    shared.change(|world| world.oauth.faults.clear());
    Json(json!([]))
}
