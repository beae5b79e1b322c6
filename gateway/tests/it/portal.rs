//! A portal's REST side that does as it is told.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

/// What it was sent, and what it answers next; `true` when nothing is said.
#[derive(Clone)]
pub(crate) struct FakePortal {
    pub(crate) endpoint: String,
    sent: Arc<watch::Sender<Vec<Value>>>,
    replies: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl FakePortal {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/rest/", listener.local_addr().unwrap());
        let portal = Self {
            endpoint,
            sent: Arc::new(watch::Sender::new(Vec::new())),
            replies: Arc::default(),
        };
        let app = Router::new()
            .route("/rest/bizproc.event.send", post(event_send))
            .with_state(portal.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        portal
    }

    /// The reply to the next call that has none yet.
    pub(crate) fn reply(&self, status: u16, body: &str) {
        self.replies.lock().push_back((status, body.to_owned()));
    }

    pub(crate) fn sent(&self) -> Vec<Value> {
        self.sent.borrow().clone()
    }

    /// Waits until it was called so often.
    pub(crate) async fn calls(&self, number: usize) -> Vec<Value> {
        let mut sent = self.sent.subscribe();
        let enough = sent.wait_for(|sent| sent.len() >= number);
        let waited = tokio::time::timeout(Duration::from_mins(1), enough).await;
        waited.expect("answers as many").unwrap().clone()
    }
}

async fn event_send(State(portal): State<FakePortal>, Json(body): Json<Value>) -> Response {
    let reply = portal.replies.lock().pop_front();
    portal.sent.send_modify(|sent| sent.push(body));
    match reply {
        Some((status, text)) => (StatusCode::from_u16(status).unwrap(), text).into_response(),
        None => Json(json!({"result": true, "time": {"start": 1, "finish": 2, "duration": 1}})).into_response(),
    }
}
