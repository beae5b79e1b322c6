//! An OTLP endpoint that keeps the bytes of what it gets.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Router, body::Bytes, extract::State, routing::post};
use tokio::{net::TcpListener, task::JoinHandle};

type Kept = Arc<Mutex<Vec<Bytes>>>;

/// A running endpoint for `http/protobuf`; it stops when dropped.
#[derive(Debug)]
pub struct Collector {
    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be.
    pub endpoint: String,
    kept: Kept,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Collector {
    /// Starts it on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        let kept = Kept::default();
        let keep = async |State(kept): State<Kept>, body: Bytes| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        };
        let app = Router::new().route("/v1/traces", post(keep)).with_state(kept.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self {
            endpoint: format!("http://{}", listener.local_addr()?),
            kept,
            serving: tokio::spawn(async { axum::serve(listener, app).await }),
        })
    }

    /// Looks at all that came.
    pub fn each(&self, look: impl FnMut(&Bytes)) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .for_each(look);
    }

    /// Whether a text is anywhere in what came.
    pub fn contains(&self, text: &str) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .any(|body| body.windows(text.len()).any(|part| part == text.as_bytes()))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
