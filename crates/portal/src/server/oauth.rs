//! The authorisation server's two addresses.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use serde_json::{Value, json};

use super::{apply_fault, before_fault, json_response, read_params};
use crate::{
    oauth::{ACCESS_SECONDS, Grant, Worth},
    time_block::{self, Times},
    world::{Shared, World},
};

/// `/oauth/token/` and `/rest/app.info`.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new().fallback(handle).with_state(shared)
}

async fn handle(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let start = shared.clock().micros();
    let path = request.uri().path().to_owned();
    let short = path.trim_end_matches('/').trim_end_matches(".json");
    let fault = before_fault(shared.change(|world| world.oauth.faults.next(&path))).await;
    if let Some((rule, answer)) = fault
        .as_ref()
        .filter(|rule| !rule.work)
        .and_then(|rule| Some((rule, apply_fault(rule)?)))
    {
        shared.change(|world| world.oauth.requests.count(short, rule.outcome()));
        return answer;
    }
    let call = read_params(request).await;
    let get = |name: &str| {
        call.params
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let now = shared.clock().seconds();
    let (status, body) = match short {
        "/oauth/token" => shared.change(|world| token(world, &get, now)),
        "/rest/app.info" => {
            let token = call.bearer.clone().unwrap_or_else(|| {
                let auth = get("auth");
                if auth.is_empty() { get("access_token") } else { auth }
            });
            let (status, mut body) = shared.read(|world| app_info(world, &token, now));
            if status == 200 {
                let times = Times {
                    start,
                    processing: start,
                    finish: shared.clock().micros(),
                };
                body["time"] = times.to_json(0, None);
            }
            (status, body)
        }
        _ => (404, error("ERROR_METHOD_NOT_FOUND", "Method not found!")),
    };
    shared.change(|world| {
        let outcome = body["error"].as_str().unwrap_or("ok").to_owned();
        world.oauth.requests.count(short, outcome);
    });
    fault
        .as_ref()
        .and_then(apply_fault)
        .unwrap_or_else(|| json_response(status, &body))
}

fn error(code: &str, description: &str) -> Value {
    json!({"error": code, "error_description": description})
}

/// The token endpoint. An unknown client is an error with HTTP status 200.
fn token(world: &mut World, get: &dyn Fn(&str) -> String, now: i64) -> (u16, Value) {
    let (client_id, secret) = (get("client_id"), get("client_secret"));
    let Some(expected) = world.oauth.clients.get(&client_id) else {
        return (200, error("wrong_client", "Wrong client"));
    };
    if *expected != secret {
        return (400, error("invalid_client", "Client authentication failed"));
    }
    let grant = match get("grant_type").as_str() {
        "authorization_code" => match world.oauth.take_code(&get("code"), &client_id, now) {
            Some(grant) => grant,
            None => {
                return (
                    400,
                    error("bad_verification_code", "Wrong or expired authorization code"),
                );
            }
        },
        "refresh_token" => {
            let token = get("refresh_token");
            if token.is_empty() {
                return (400, error("invalid_request", "No \"refresh_token\" parameter found"));
            }
            match world.oauth.take_refresh(&token, &client_id, now) {
                Some(grant) => grant,
                None => return (400, error("invalid_grant", "Invalid refresh token")),
            }
        }
        _ => {
            return (
                400,
                error("invalid_request", "Invalid grant_type parameter or parameter missing"),
            );
        }
    };
    let Some(app) = world
        .portals
        .get(&grant.portal)
        .and_then(|hosted| hosted.portal.apps.get(&client_id))
    else {
        return (401, error("NOT_INSTALLED", "Application not installed"));
    };
    if app.payment_expired {
        return (401, error("PAYMENT_REQUIRED", "Subscription has been ended"));
    }
    world.oauth.refreshes += 1;
    let pair = world.oauth.issue(&grant.portal, &client_id, grant.user_id, now);
    let server_endpoint = world.oauth.server_endpoint();
    let host = world.oauth.address.clone();
    let portal = &world.portals[&grant.portal].portal;
    let app = &portal.apps[&client_id];
    let body = json!({
        "access_token": pair.access_token,
        "expires": pair.expires,
        "expires_in": ACCESS_SECONDS,
        "scope": app.scope.join(","),
        // Unlike in a callback, this is the authorisation server itself.
        "domain": host,
        "server_endpoint": server_endpoint,
        "status": app.status,
        "client_endpoint": portal.client_endpoint(),
        "member_id": portal.member_id,
        "user_id": grant.user_id,
        "refresh_token": pair.refresh_token,
    });
    (200, body)
}

/// `app.info`: what the authorisation server knows about the installation that a token belongs to.
fn app_info(world: &World, token: &str, now: i64) -> (u16, Value) {
    let Grant {
        portal,
        client_id,
        user_id,
        expires,
    } = match world.oauth.check(token, now) {
        _ if token.is_empty() => return (401, error("NO_AUTH_FOUND", "Wrong authorization data")),
        Worth::Unknown => return (401, error("invalid_token", "Unable to get application by token")),
        Worth::Expired => return (401, error("expired_token", "The access token provided has expired")),
        Worth::Good(grant) => grant,
    };
    let found = world.portals.get(portal).map(|hosted| &hosted.portal);
    let Some((portal, app)) = found.and_then(|portal| Some((portal, portal.apps.get(client_id)?))) else {
        return (401, error("NOT_INSTALLED", "Application not installed"));
    };
    let result = json!({
        "client_id": client_id,
        "scope": app.scope.join(","),
        // A date here, unlike the tokens' unix seconds: the vendor's own SDK for Python reads nothing else.
        "expires": time_block::iso(*expires, 0),
        "install": {
            "installed": app.installed,
            "version": app.version.to_string(),
            "status": app.status,
            "scope": app.scope.join(","),
            "domain": portal.domain,
            "uri": app.url,
            "client_endpoint": portal.client_endpoint(),
            "member_id": portal.member_id,
            "member_type": "cp",
        },
        "user_id": user_id,
    });
    (200, json!({"result": result}))
}
