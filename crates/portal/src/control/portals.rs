//! Portals: make, list, switch, shut, rename.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Problem, optional, portal_missing, read};
use crate::{
    hosting::{self, NewPortal},
    others, random,
    state::{Settings, User},
    world::Shared,
};

pub(super) async fn create(State(shared): State<Shared>, body: Bytes) -> Answer {
    let new: NewPortal = optional(body).await?;
    Ok(Json(json!(hosting::create_portal(&shared, new).await?)))
}

pub(super) async fn list(State(shared): State<Shared>) -> Json<Value> {
    Json(shared.read(|world| {
        world
            .portals
            .iter()
            .map(|(name, hosted)| json!(hosting::info(name, hosted)))
            .collect()
    }))
}

pub(super) async fn show(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    let shown = shared.read_portal(&portal, |hosted| {
        let mut shown = json!(hosting::info(&portal, hosted));
        shown["settings"] = json!(hosted.portal.settings);
        shown["users"] = json!(hosted.portal.users);
        shown["counters"] = json!(hosted.portal.counters);
        shown
    });
    shown.map(Json).ok_or_else(portal_missing)
}

/// Changes the switches that are given.
pub(super) async fn settings(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let Value::Object(changes) = read(&body)? else {
        return Err(Problem::bad("an object of settings is needed"));
    };
    let outcome = shared.change_portal(&portal, |hosted| {
        let mut settings = json!(hosted.portal.settings);
        for (key, value) in changes {
            settings[key] = value;
        }
        hosted.portal.set(serde_json::from_value::<Settings>(settings)?);
        Ok::<_, serde_json::Error>(json!(hosted.portal.settings))
    });
    let shown = outcome
        .ok_or_else(portal_missing)?
        .map_err(|error| Problem::bad(error.to_string()))?;
    others::begin(&shared, &portal);
    Ok(Json(shown))
}

pub(super) async fn user(State(shared): State<Shared>, Path((portal, id)): Path<(String, u64)>, body: Bytes) -> Answer {
    let user: User = read(&body)?;
    let shown = json!(user);
    shared
        .change_portal(&portal, |hosted| hosted.portal.users.insert(id, user))
        .ok_or_else(portal_missing)?;
    Ok(Json(shown))
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Webhook {
    user: u64,
}

impl Default for Webhook {
    fn default() -> Self {
        Self { user: 1 }
    }
}

/// Makes an incoming webhook of a user.
pub(super) async fn webhook(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let Webhook { user } = optional(body).await?;
    let secret = random::hex::<8>();
    let url = shared.change_portal(&portal, |hosted| {
        let url = format!("{}{user}/{secret}/", hosted.portal.client_endpoint());
        hosted.webhooks.insert(secret, user);
        url
    });
    Ok(Json(json!({"url": url.ok_or_else(portal_missing)?})))
}

pub(super) async fn down(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    hosting::down(&shared, &portal).ok_or_else(portal_missing)?;
    Ok(Json(json!({"down": true})))
}

pub(super) async fn up(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    hosting::up(&shared, &portal).await?.ok_or_else(portal_missing)?;
    Ok(Json(json!({"down": false})))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rename {
    domain: Option<String>,
}

/// Gives the portal a new address; the old one answers 302.
pub(super) async fn rename(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let Rename { domain } = optional(body).await?;
    let info = hosting::rename(&shared, &portal, domain)
        .await?
        .ok_or_else(portal_missing)?;
    Ok(Json(json!(info)))
}
