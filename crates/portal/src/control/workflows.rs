//! Workflows: start, show, lock, terminate, and steps that wait already.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, Problem, optional, portal_missing, read, view};
use crate::{
    state::workflow::Call,
    workflow::{
        self, Start,
        seed::{self, Seed},
        template::{self, Element},
    },
    world::Shared,
};

fn workflow_missing() -> Problem {
    Problem::not_found("no such portal, or no such workflow on it")
}

/// A workflow to start.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Body {
    steps: Vec<Element>,
    template_id: i64,
    document_id: [String; 3],
    document_type: [String; 3],
    fields: Map<String, Value>,
    started_by: u64,
    /// How many to start; `{n}` in a field's text becomes the number.
    count: u64,
}

fn text(parts: [&str; 3]) -> [String; 3] {
    parts.map(str::to_owned)
}

impl Default for Body {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            template_id: 1,
            document_id: text(["crm", "CCrmDocumentDeal", "DEAL_77"]),
            document_type: text(["crm", "CCrmDocumentDeal", "DEAL"]),
            fields: Map::new(),
            started_by: 1,
            count: 1,
        }
    }
}

/// Starts one workflow, or `count` of them.
pub(super) async fn start(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let body: Body = read(&body)?;
    if body.steps.is_empty() {
        return Err(Problem::bad(
            "`steps` is empty: give at least one, such as {\"code\": \"md5\"}",
        ));
    }
    if let Some(name) = template::repeated_name(&body.steps) {
        return Err(Problem::bad(format!(
            "two steps are named {name:?}; a name is unique in its template"
        )));
    }
    let mut ids = Vec::new();
    for number in 0..body.count {
        let fields = body.fields.iter().map(|(key, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.clone(), |text| json!(text.replace("{n}", &number.to_string())));
            (key.clone(), value)
        });
        let start = Start {
            steps: body.steps.clone(),
            template_id: body.template_id,
            document_id: body.document_id.clone(),
            document_type: body.document_type.clone(),
            fields: fields.collect(),
            started_by: body.started_by,
        };
        let id = shared.change_portal(&portal, |hosted| workflow::start(&mut hosted.portal, start));
        ids.push(id.ok_or_else(portal_missing)?);
    }
    Ok(Json(json!({"id": ids.first(), "ids": ids})))
}

/// A step that waits already, with the event token of a captured callback.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    /// One token, or those of parallel branches.
    event_token: Option<String>,
    #[serde(default)]
    event_tokens: Vec<String>,
    code: String,
    client_id: Option<String>,
    #[serde(default)]
    then: Vec<Element>,
    document_id: Option<[String; 3]>,
    document_type: Option<[String; 3]>,
}

/// Puts a waiting step in place; its given event token counts as signed.
pub(super) async fn seed(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let waiting: Waiting = read(&body)?;
    let mut tokens = waiting.event_tokens;
    tokens.extend(waiting.event_token);
    let defaults = Body::default();
    let seed = Seed {
        parallel: tokens.len() > 1,
        tokens,
        then: waiting.then,
        call: Call {
            code: waiting.code,
            client_id: waiting.client_id.unwrap_or_default(),
            ..Call::default()
        },
        trust: true,
        document_id: waiting.document_id.unwrap_or(defaults.document_id),
        document_type: waiting.document_type.unwrap_or(defaults.document_type),
        started_by: 1,
    };
    let id = shared
        .change_portal(&portal, |hosted| seed::workflow(&mut hosted.portal, seed))
        .ok_or_else(portal_missing)?;
    let id = id.ok_or_else(|| Problem::bad("`event_token` must look like WORKFLOW|ACTIVITY|EVENT.SIGNATURE"))?;
    Ok(Json(json!({"id": id})))
}

pub(super) async fn list(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    let list = shared.read_portal(&portal, |hosted| {
        let mut all: Vec<_> = hosted.portal.workflows.values().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.iter()
            .map(|workflow| json!({"id": workflow.id, "state": workflow.state}))
            .collect()
    });
    list.map(Json).ok_or_else(portal_missing)
}

pub(super) async fn show(State(shared): State<Shared>, Path((portal, id)): Path<(String, String)>) -> Answer {
    shared
        .read_portal(&portal, |hosted| view::workflow(&hosted.portal, &id))
        .flatten()
        .map(Json)
        .ok_or_else(workflow_missing)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lock {
    /// Minutes ago that it was taken, to make it look expired: nobody cares.
    minutes_ago: i64,
}

/// Holds a workflow's lock, as a hit that runs long.
pub(super) async fn lock(
    State(shared): State<Shared>,
    Path((portal, id)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let Lock { minutes_ago } = optional(body).await?;
    let locked = shared.change_portal(&portal, |hosted| {
        let now = hosted.portal.clock.seconds();
        let row = hosted.portal.instances.get_mut(&id)?;
        row.owner_id = Some("held by the control API".into());
        row.owned_until = Some(now - minutes_ago * 60 + 300);
        Some(())
    });
    locked
        .flatten()
        .map(|()| Json(json!({"locked": true})))
        .ok_or_else(workflow_missing)
}

/// Lets it go without saving.
pub(super) async fn unlock(State(shared): State<Shared>, Path((portal, id)): Path<(String, String)>) -> Answer {
    let unlocked = shared.change_portal(&portal, |hosted| {
        let row = hosted.portal.instances.get_mut(&id)?;
        row.owner_id = None;
        row.owned_until = None;
        Some(())
    });
    unlocked
        .flatten()
        .map(|()| Json(json!({"locked": false})))
        .ok_or_else(workflow_missing)
}

/// Ends a workflow as an administrator does.
pub(super) async fn terminate(State(shared): State<Shared>, Path((portal, id)): Path<(String, String)>) -> Answer {
    let ended = shared.change_portal(&portal, |hosted| workflow::terminate(&mut hosted.portal, &id));
    if ended != Some(true) {
        return Err(workflow_missing());
    }
    Ok(Json(json!({"state": "terminated"})))
}

/// Deletes a workflow's document: the next hit terminates the workflow.
pub(super) async fn delete_document(
    State(shared): State<Shared>,
    Path((portal, id)): Path<(String, String)>,
) -> Answer {
    let deleted = shared.change_portal(&portal, |hosted| {
        hosted
            .portal
            .workflows
            .get_mut(&id)
            .map(|workflow| workflow.document_deleted = true)
    });
    deleted
        .flatten()
        .map(|()| Json(json!({"document": null})))
        .ok_or_else(workflow_missing)
}
