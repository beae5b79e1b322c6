//! The admin port: `/live`, `/ready`, `/metrics`.

mod readiness;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
pub use readiness::{Latch, Readiness};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{Lifecycle, Metrics};

/// A running admin port; it closes when dropped, so that it answers until the drain is over.
#[derive(Debug)]
pub struct Admin(JoinHandle<()>);

impl Drop for Admin {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves the admin port on `listener`.
pub fn serve(listener: TcpListener, readiness: Readiness, metrics: Metrics, lifecycle: &Lifecycle) -> Admin {
    let app = router(readiness, metrics, lifecycle.clone());
    Admin(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "the admin port failed");
        }
    }))
}

struct Shared {
    readiness: Readiness,
    metrics: Metrics,
    lifecycle: Lifecycle,
}

fn router(readiness: Readiness, metrics: Metrics, lifecycle: Lifecycle) -> Router {
    Router::new()
        .route("/live", get(async || "live\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(Arc::new(Shared {
            readiness,
            metrics,
            lifecycle,
        }))
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if shared.lifecycle.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match shared.readiness.missing() {
        missing if missing.is_empty() => "ready\n".into_response(),
        missing => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("waiting for {}\n", missing.join(", ")),
        )
            .into_response(),
    }
}

async fn metrics_text(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    (
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        shared.metrics.to_text(),
    )
}
