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

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt;

    use super::*;
    use crate::Telemetry;

    async fn get(app: &Router, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_names_what_is_missing() {
        let (readiness, lifecycle) = (Readiness::new(), Lifecycle::default());
        let (store, definitions) = (readiness.latch("the store"), readiness.latch("definitions"));
        let app = router(
            readiness,
            Metrics::new("test", "1.2.3", &Telemetry::off()),
            lifecycle.clone(),
        );
        assert_eq!(
            get(&app, "/ready").await,
            (503, "waiting for the store, definitions\n".into())
        );
        store.set(true);
        assert_eq!(get(&app, "/ready").await, (503, "waiting for definitions\n".into()));
        definitions.set(true);
        assert_eq!(get(&app, "/ready").await, (200, "ready\n".into()));
        store.set(false);
        assert_eq!(get(&app, "/ready").await, (503, "waiting for the store\n".into()));
        store.set(true);
        lifecycle.stop();
        assert_eq!(get(&app, "/ready").await, (503, "stopping\n".into()));
        assert_eq!(get(&app, "/live").await, (200, "live\n".into()));
    }

    #[tokio::test]
    async fn metrics_say_what_is_running() {
        let metrics = Metrics::new("test", "1.2.3", &Telemetry::off());
        let app = router(Readiness::new(), metrics, Lifecycle::default());
        let (status, text) = get(&app, "/metrics").await;
        assert_eq!(status, 200);
        assert!(
            text.contains(r#"build_info{service="test",version="1.2.3",revision=""#),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
