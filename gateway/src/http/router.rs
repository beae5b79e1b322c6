//! Addresses.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{gate::Gate, page, receive, refusal::Refusal};
use crate::routes;

/// All addresses of the port for portals and browsers.
pub(crate) fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route(routes::ACTIVITY, post(activity))
        .route(routes::EVENT, post(event))
        .route(routes::PAGE, get(page::outside).post(event))
        .fallback(async || Refusal::NoSuchPath)
        .method_not_allowed_fallback(not_allowed)
        .with_state(gate)
}

async fn activity(
    State(gate): State<Arc<Gate>>,
    Path((app, revision)): Path<(String, String)>,
    request: Request,
) -> Response {
    receive::receive(&gate, &app, Some(&revision), request).await
}

async fn event(State(gate): State<Arc<Gate>>, Path(app): Path<String>, request: Request) -> Response {
    receive::receive(&gate, &app, None, request).await
}

async fn not_allowed(State(gate): State<Arc<Gate>>) -> Response {
    gate.shared.counts.refused(Refusal::Method.reason());
    Refusal::Method.into_response()
}
