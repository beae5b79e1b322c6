//! The control API: JSON over HTTP, documented with examples in this crate's README.

mod apps;
mod faults;
mod portals;
mod view;
mod wait;
mod workflows;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{delete, get, patch, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::Shared;

/// All routes, under `/control/`.
pub(crate) fn router(shared: Shared) -> Router {
    let portal = Router::new()
        .route("/", get(portals::show))
        .route("/settings", patch(portals::settings))
        .route("/users/{id}", put(portals::user))
        .route("/webhooks", post(portals::webhook))
        .route("/down", post(portals::down))
        .route("/up", post(portals::up))
        .route("/rename", post(portals::rename))
        .route("/tokens", post(apps::token))
        .route("/installations", post(apps::seed))
        .route("/apps", get(apps::list).post(apps::install))
        .route("/apps/{client_id}", patch(apps::change).delete(apps::uninstall))
        .route("/apps/{client_id}/finish", post(apps::finish))
        .route("/apps/{client_id}/open", post(apps::open))
        .route("/apps/{client_id}/reinstall", post(apps::reinstall))
        .route("/apps/{client_id}/update", post(apps::update))
        .route("/apps/{client_id}/revoke", post(apps::revoke))
        .route("/apps/{client_id}/expire", post(apps::expire))
        .route("/activities", get(view::activities))
        .route("/workflows", get(workflows::list).post(workflows::start))
        .route("/workflows/{id}", get(workflows::show).delete(workflows::terminate))
        .route("/workflows/{id}/lock", post(workflows::lock).delete(workflows::unlock))
        .route("/workflows/{id}/document", delete(workflows::delete_document))
        .route("/waiting", post(workflows::seed))
        .route("/calls", get(view::calls).delete(view::forget_calls))
        .route("/posts", get(view::posts))
        .route("/counters", get(view::counters))
        .route("/unanswered", get(view::unanswered))
        .route("/wait", get(wait::wait))
        .route("/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/relay", put(faults::relay));
    Router::new()
        .route("/control/", get(view::overview))
        .route("/control/clock", get(view::clock))
        .route("/control/clock/advance", post(advance))
        .route("/control/oauth", get(view::oauth))
        .route(
            "/control/oauth/faults",
            post(faults::add_oauth).delete(faults::clear_oauth),
        )
        .route("/control/portals", get(portals::list).post(portals::create))
        .nest("/control/portals/{portal}", portal)
        .fallback(async || Problem::not_found("no such address of the control API; see GET /control/"))
        .with_state(shared)
}

/// What went wrong, for a person.
#[derive(Debug)]
pub(crate) struct Problem {
    status: u16,
    text: String,
}

impl Problem {
    fn not_found(what: &str) -> Self {
        Self {
            status: 404,
            text: what.into(),
        }
    }

    fn bad(text: impl Into<String>) -> Self {
        Self {
            status: 400,
            text: text.into(),
        }
    }

    fn timeout() -> Self {
        Self {
            status: 408,
            text: "it did not happen in time".into(),
        }
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        let status = if error.kind() == std::io::ErrorKind::AlreadyExists {
            409
        } else {
            500
        };
        Self {
            status,
            text: error.to_string(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        crate::server::json_response(self.status, &json!({"error": self.text}))
    }
}

type Answer = Result<Json<Value>, Problem>;

fn portal_missing() -> Problem {
    Problem::not_found("no portal of this name; POST /control/portals makes one")
}

/// A body that may be left out.
async fn optional<T: for<'de> Deserialize<'de> + Default>(body: axum::body::Bytes) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&body).map_err(|error| Problem::bad(error.to_string()))
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::bad(error.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

async fn advance(State(shared): State<Shared>, body: axum::body::Bytes) -> Answer {
    let Advance { seconds } = read(&body)?;
    shared.clock().advance(std::time::Duration::from_secs(seconds));
    shared.change(|world| {
        for hosted in world.portals.values_mut() {
            crate::workflow::timeout::fire(&mut hosted.portal);
        }
    });
    Ok(Json(json!({"now": shared.clock().seconds()})))
}
