//! Apps: install, open, update, uninstall, and installations put in place without calling anybody.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Problem, optional, portal_missing, read};
use crate::{
    lifecycle,
    oauth::{ACCESS_SECONDS, Grant},
    state::app::AppRow,
    world::Shared,
};

fn app_missing() -> Problem {
    Problem::not_found("no such portal, or this app is not installed on it")
}

pub(super) async fn list(State(shared): State<Shared>, Path(portal): Path<String>) -> Answer {
    let apps = shared.read_portal(&portal, |hosted| json!(hosted.portal.apps.values().collect::<Vec<_>>()));
    apps.map(Json).ok_or_else(portal_missing)
}

/// Installs an app: one without UI gets ONAPPINSTALL through the relay, one with UI gets the installer's frame.
pub(super) async fn install(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let mut app: AppRow = read(&body)?;
    app.installed = app.api_only;
    let app = shared.change(|world| {
        let app = lifecycle::put(world, &portal, app)?;
        let hosted = world.portals.get_mut(&portal)?;
        lifecycle::bind_install(&mut hosted.portal, &app);
        if app.api_only {
            lifecycle::install_event(&mut hosted.portal, &app.client_id, app.installed_by);
        }
        Some(app)
    });
    let app = app.ok_or_else(portal_missing)?;
    let frame = if app.api_only {
        Value::Null
    } else {
        render(&shared, &portal, &app.client_id, true, app.installed_by, &placement()).await?
    };
    Ok(Json(json!({"app": app, "frame": frame})))
}

/// Puts an installation in place: the app's row, and given tokens of a user.
pub(super) async fn seed(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let mut app: serde_json::Map<String, Value> = read(&body)?;
    let mut text = |key: &str| app.remove(key).and_then(|value| value.as_str().map(str::to_owned));
    let (access, refresh) = (text("access_token"), text("refresh_token"));
    let user_id = app.remove("user_id").and_then(|value| value.as_u64());
    let expires_in = app
        .remove("expires_in")
        .and_then(|value| value.as_i64())
        .unwrap_or(ACCESS_SECONDS);
    let app: AppRow = serde_json::from_value(Value::Object(app)).map_err(|error| Problem::bad(error.to_string()))?;
    let now = shared.clock().seconds();
    let app = shared.change(|world| {
        let app = lifecycle::put(world, &portal, app)?;
        let grant = Grant {
            portal: portal.clone(),
            client_id: app.client_id.clone(),
            user_id: user_id.unwrap_or(app.installed_by),
            expires: now + expires_in,
        };
        world.oauth.seed(access, refresh, &grant, now);
        Some(app)
    });
    Ok(Json(json!({"app": app.ok_or_else(portal_missing)?})))
}

/// Changes columns of an app's row that are given.
pub(super) async fn change(
    State(shared): State<Shared>,
    Path((portal, client_id)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let Value::Object(changes) = read(&body)? else {
        return Err(Problem::bad("an object of columns is needed"));
    };
    let outcome = shared.change_portal(&portal, |hosted| {
        let row = hosted.portal.apps.get_mut(&client_id)?;
        let mut columns = json!(row);
        for (key, value) in changes {
            columns[key] = value;
        }
        Some(serde_json::from_value::<AppRow>(columns).map(|changed| *row = changed))
    });
    outcome
        .flatten()
        .ok_or_else(app_missing)?
        .map_err(|error| Problem::bad(error.to_string()))?;
    list(State(shared), Path(portal)).await
}

/// Acts as `BX24.installFinish` in the frame.
pub(super) async fn finish(State(shared): State<Shared>, Path((portal, client_id)): Path<(String, String)>) -> Answer {
    match shared.change_portal(&portal, |hosted| lifecycle::finish(&mut hosted.portal, &client_id)) {
        Some(true) => Ok(Json(json!({"installed": true}))),
        _ => Err(app_missing()),
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Open {
    user: u64,
    options: Value,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            user: 1,
            options: placement(),
        }
    }
}

/// What new portals always have in it.
fn placement() -> Value {
    json!({"any": "1/"})
}

/// Opens the app's page as a user's browser does; the installer's page while the app is not installed.
pub(super) async fn open(
    State(shared): State<Shared>,
    Path((portal, client_id)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let Open { user, options } = optional(body).await?;
    let installer = shared.read_portal(&portal, |hosted| {
        hosted.portal.apps.get(&client_id).map(|app| !app.installed)
    });
    let installer = installer.flatten().ok_or_else(app_missing)?;
    render(&shared, &portal, &client_id, installer, user, &options)
        .await
        .map(|frame| Json(json!({"frame": frame})))
}

/// Posts the frame's form and gives what came back.
async fn render(
    shared: &Shared,
    portal: &str,
    client_id: &str,
    installer: bool,
    user: u64,
    options: &Value,
) -> Result<Value, Problem> {
    let now = shared.clock().seconds();
    let posted = shared.change(|world| lifecycle::frame(world, portal, client_id, installer, user, options, now));
    let (url, body) = posted.ok_or_else(app_missing)?;
    let sent = shared
        .client()
        .post(&url)
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(http::header::USER_AGENT, "Mozilla/5.0")
        .body(body)
        .send()
        .await;
    match sent {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let content_type = answer
                .headers()
                .get(http::header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            let text = answer.text().await.unwrap_or_default();
            Ok(json!({"url": url, "status": status, "content_type": content_type, "body": text}))
        }
        Err(error) => Ok(json!({"url": url, "status": null, "error": error.to_string()})),
    }
}

/// The "reinstall" button: only the install happens again, nothing is removed.
pub(super) async fn reinstall(
    State(shared): State<Shared>,
    Path((portal, client_id)): Path<(String, String)>,
) -> Answer {
    let api_only = shared.change_portal(&portal, |hosted| {
        let app = hosted.portal.apps.get_mut(&client_id)?;
        app.installed = app.api_only;
        let (api_only, user) = (app.api_only, app.installed_by);
        if api_only {
            lifecycle::install_event(&mut hosted.portal, &client_id, user);
        }
        Some((api_only, user))
    });
    let (api_only, user) = api_only.flatten().ok_or_else(app_missing)?;
    let frame = if api_only {
        Value::Null
    } else {
        render(&shared, &portal, &client_id, true, user, &placement()).await?
    };
    Ok(Json(json!({"frame": frame})))
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Update {
    /// Next version; one more if left out.
    version: Option<u64>,
    activities: Fate,
    /// Events that are sent.
    events: Vec<Sent>,
    /// Whether an app with UI has to be installed again, and its frame is opened.
    frame: bool,
    /// Administrator who updates.
    user: u64,
    /// New addresses.
    url: Option<String>,
    install_url: Option<String>,
}

/// What becomes of registered activities and robots.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    Wiped,
    Kept,
}

/// Events that some servers send at an update.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sent {
    Install,
    Update,
}

impl Default for Update {
    fn default() -> Self {
        Self {
            version: None,
            activities: Fate::Wiped,
            events: Vec::new(),
            frame: false,
            user: 1,
            url: None,
            install_url: None,
        }
    }
}

/// Updates an app, in any of the ways reported: activities wiped or kept, events sent or not.
pub(super) async fn update(
    State(shared): State<Shared>,
    Path((portal, client_id)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let update: Update = optional(body).await?;
    let app = shared.change_portal(&portal, |hosted| {
        let app = hosted.portal.apps.get_mut(&client_id)?;
        let previous = app.version;
        app.version = update.version.unwrap_or(previous + 1);
        app.installed_by = update.user;
        app.installed = !update.frame || app.api_only;
        if let Some(url) = update.url {
            app.url = url;
        }
        if let Some(url) = update.install_url {
            app.install_url = url;
        }
        let app = app.clone();
        if update.activities == Fate::Wiped {
            lifecycle::wipe(&mut hosted.portal, &client_id);
        }
        lifecycle::bind_install(&mut hosted.portal, &app);
        if update.events.contains(&Sent::Install) {
            lifecycle::install_event(&mut hosted.portal, &client_id, update.user);
        }
        if update.events.contains(&Sent::Update) {
            lifecycle::update_event(&mut hosted.portal, &client_id, previous, update.user);
        }
        Some(app)
    });
    let app = app.flatten().ok_or_else(app_missing)?;
    let frame = if update.frame && !app.api_only {
        render(&shared, &portal, &client_id, true, update.user, &placement()).await?
    } else {
        Value::Null
    };
    Ok(Json(json!({"app": app, "frame": frame})))
}

#[derive(Deserialize)]
pub(super) struct Clean {
    #[serde(default)]
    clean: u8,
}

/// Uninstalls an app; `?clean=1` is the checkbox that deletes its data.
pub(super) async fn uninstall(
    State(shared): State<Shared>,
    Path((portal, client_id)): Path<(String, String)>,
    Query(Clean { clean }): Query<Clean>,
) -> Answer {
    match shared.change_portal(&portal, |hosted| {
        lifecycle::uninstall(&mut hosted.portal, &client_id, clean == 1)
    }) {
        Some(true) => Ok(Json(json!({"uninstalled": true}))),
        _ => Err(app_missing()),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Revoke {
    user: Option<u64>,
}

/// Withdraws tokens: of one user, or of all.
pub(super) async fn revoke(
    State(shared): State<Shared>,
    Path((portal, client_id)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let Revoke { user } = optional(body).await?;
    shared.change(|world| world.oauth.revoke(&portal, &client_id, user));
    Ok(Json(json!({"revoked": true})))
}

/// Makes the app's access tokens expire now, without moving the clock.
pub(super) async fn expire(State(shared): State<Shared>, Path((portal, client_id)): Path<(String, String)>) -> Answer {
    let now = shared.clock().seconds();
    shared.change(|world| world.oauth.expire(&portal, &client_id, now));
    Ok(Json(json!({"expired": true})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    client_id: String,
    #[serde(default = "administrator")]
    user: u64,
}

fn administrator() -> u64 {
    1
}

/// Issues a pair of tokens, to act as the app of a user.
pub(super) async fn token(State(shared): State<Shared>, Path(portal): Path<String>, body: Bytes) -> Answer {
    let Token { client_id, user } = read(&body)?;
    let known = shared.read_portal(&portal, |hosted| hosted.portal.apps.contains_key(&client_id));
    if known != Some(true) {
        return Err(app_missing());
    }
    let now = shared.clock().seconds();
    Ok(Json(json!(
        shared.change(|world| world.oauth.issue(&portal, &client_id, user, now))
    )))
}
