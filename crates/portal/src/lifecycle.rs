//! Life of an app on a portal: install, open, update, uninstall, and the events these send.

use serde_json::{Map, Value, json};

use crate::{
    oauth::ACCESS_SECONDS,
    php::form::build,
    random,
    state::{EventHandler, Portal, app::AppRow},
    world::World,
};

/// Puts an app's row in place, without calling anybody. A secret or token that isn't given is made up.
pub fn put(world: &mut World, portal: &str, mut app: AppRow) -> Option<AppRow> {
    let hosted = world.portals.get_mut(portal)?;
    let rows = &mut hosted.portal.apps;
    if app.client_id.is_empty() {
        app.client_id = format!(
            "local.{}.{}",
            random::hex::<7>(),
            random::below(90_000_000) + 10_000_000
        );
    }
    for secret in [&mut app.client_secret, &mut app.application_token] {
        if secret.is_empty() {
            *secret = random::hex::<16>();
        }
    }
    if app.code.is_empty() {
        app.code.clone_from(&app.client_id);
    }
    if app.install_url.is_empty() {
        app.install_url.clone_from(&app.url);
    }
    app.id = rows
        .get(&app.client_id)
        .map_or_else(|| rows.values().map(|row| row.id).max().unwrap_or(0) + 1, |row| row.id);
    rows.insert(app.client_id.clone(), app.clone());
    world
        .oauth
        .clients
        .insert(app.client_id.clone(), app.client_secret.clone());
    Some(app)
}

/// Sets the install event's handlers when an app is installed or updated: one without UI has a built-in one.
pub fn bind_install(portal: &mut Portal, app: &AppRow) {
    let all = portal.settings.sync_install_handlers;
    portal
        .event_handlers
        .retain(|row| row.client_id != app.client_id || !(row.built_in || (all && row.event == "ONAPPINSTALL")));
    if !app.api_only {
        return;
    }
    let id = portal.next_handler_id();
    portal.event_handlers.push(EventHandler {
        id,
        client_id: app.client_id.clone(),
        event: "ONAPPINSTALL".into(),
        handler: app.install_url.clone(),
        auth_type: 0,
        built_in: true,
    });
}

/// Sets INSTALLED=Y, as `BX24.installFinish` does, and sends ONAPPINSTALL to who has bound it.
pub fn finish(portal: &mut Portal, client_id: &str) -> bool {
    let Some(app) = portal.apps.get_mut(client_id) else {
        return false;
    };
    app.installed = true;
    let user = app.installed_by;
    install_event(portal, client_id, user);
    true
}

/// ONAPPINSTALL.
pub fn install_event(portal: &mut Portal, client_id: &str, user: u64) {
    let Some(app) = portal.apps.get(client_id) else { return };
    let data = if portal.settings.old_events {
        json!({"VERSION": app.version, "LANGUAGE_ID": portal.settings.language})
    } else {
        json!({
            "VERSION": app.version,
            "ACTIVE": if app.active { "Y" } else { "N" },
            "INSTALLED": if app.installed { "Y" } else { "N" },
            "LANGUAGE_ID": portal.settings.language,
        })
    };
    portal.post_event(client_id, "ONAPPINSTALL", &data, Some(user));
}

/// ONAPPUPDATE: declared by the server, in practice hardly ever sent.
pub fn update_event(portal: &mut Portal, client_id: &str, previous: u64, user: u64) {
    let Some(app) = portal.apps.get(client_id) else { return };
    let data = json!({
        "VERSION": app.version,
        "PREVIOUS_VERSION": previous,
        "LANGUAGE_ID": portal.settings.language,
    });
    portal.post_event(client_id, "ONAPPUPDATE", &data, Some(user));
}

/// Deletes an app: its activities, robots and placements go first, ONAPPUNINSTALL is queued without tokens, then
/// handlers and the row go.
pub fn uninstall(portal: &mut Portal, client_id: &str, clean: bool) -> bool {
    if !portal.apps.contains_key(client_id) {
        return false;
    }
    wipe(portal, client_id);
    let data = json!({"LANGUAGE_ID": portal.settings.language, "CLEAN": if clean { "1" } else { "0" }});
    portal.post_event(client_id, "ONAPPUNINSTALL", &data, None);
    portal.event_handlers.retain(|row| row.client_id != client_id);
    portal.apps.shift_remove(client_id);
    true
}

/// Removes everything an app registered with business processes.
pub fn wipe(portal: &mut Portal, client_id: &str) {
    portal.registry.activities.retain(|_, row| row.app_id != client_id);
    portal.registry.placements.retain(|row| row.app_id != client_id);
}

/// What a browser posts when the app's frame is rendered for a user: the URL with its query, and the body.
pub fn frame(
    world: &mut World,
    portal: &str,
    client_id: &str,
    installer: bool,
    user: u64,
    options: &Value,
    now: i64,
) -> Option<(String, String)> {
    let pair = world.oauth.issue(portal, client_id, user, now);
    let server_endpoint = world.oauth.server_endpoint();
    let portal = &world.portals.get(portal)?.portal;
    let app = portal.apps.get(client_id)?;
    let mut query = Map::new();
    query.insert("DOMAIN".into(), json!(portal.domain));
    query.insert("PROTOCOL".into(), json!(u8::from(portal.https)));
    query.insert("LANG".into(), json!(portal.settings.language));
    query.insert("APP_SID".into(), json!(random::hex::<16>()));
    let mut body = Map::new();
    body.insert("AUTH_ID".into(), json!(pair.access_token));
    body.insert("AUTH_EXPIRES".into(), json!(ACCESS_SECONDS));
    body.insert("REFRESH_ID".into(), json!(pair.refresh_token));
    if portal.settings.frame_extras {
        body.insert("SERVER_ENDPOINT".into(), json!(server_endpoint));
        body.insert("APPLICATION_TOKEN".into(), json!(app.application_token));
        body.insert("APPLICATION_SCOPE".into(), json!(app.scope.join(",")));
    }
    body.insert("member_id".into(), json!(portal.member_id));
    body.insert("status".into(), json!(app.status));
    body.insert("PLACEMENT".into(), json!("DEFAULT"));
    if !options.is_null() {
        // PHP's json_encode escapes slashes.
        body.insert(
            "PLACEMENT_OPTIONS".into(),
            json!(options.to_string().replace('/', "\\/")),
        );
    }
    let url = if installer { &app.install_url } else { &app.url };
    let separator = if url.contains('?') { '&' } else { '?' };
    Some((format!("{url}{separator}{}", build(&query)), build(&body)))
}
