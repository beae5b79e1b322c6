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
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, sync::watch};

/// What it was sent, and what it answers next; `true` when nothing is said.
#[derive(Clone)]
pub(crate) struct FakePortal {
    pub(crate) endpoint: String,
    sent: Arc<watch::Sender<Vec<Value>>>,
    replies: Arc<Mutex<VecDeque<(u16, String)>>>,
    /// What is read of each workflow; a hit is in it when nothing is said, so that nothing is proved or repeated.
    row: Arc<watch::Sender<Option<Value>>>,
    /// The reply to readings, if they are refused.
    no_reading: Arc<Mutex<Option<(u16, Value)>>>,
    /// How often workflows were read, or were to be.
    readings: Arc<watch::Sender<usize>>,
}

impl FakePortal {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/rest/", listener.local_addr().unwrap());
        let portal = Self {
            endpoint,
            sent: Arc::new(watch::Sender::new(Vec::new())),
            replies: Arc::default(),
            row: Arc::new(watch::Sender::new(Some(json!({
                "MODIFIED": "2026-11-24T10:00:00+03:00",
                "OWNED_UNTIL": "2026-11-24T10:05:00+03:00",
            })))),
            no_reading: Arc::default(),
            readings: Arc::default(),
        };
        let app = Router::new()
            .route("/rest/bizproc.event.send", post(event_send))
            .route("/rest/bizproc.workflow.instances", post(instances))
            .route("/rest/batch", post(batch))
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

    /// What is read of all workflows from now on: `None`: they are gone; else when they were last saved, and whether a hit is in
    /// them.
    pub(crate) fn workflows(&self, row: Option<(&str, bool)>) {
        let row = row.map(|(saved, locked)| json!({"MODIFIED": saved, "OWNED_UNTIL": locked.then_some(saved)}));
        self.row.send_replace(row);
    }

    /// Workflows can't be read from now on.
    pub(crate) fn refuse_reading(&self, status: u16, error: &str, text: &str) {
        let reply = json!({"error": error, "error_description": text});
        *self.no_reading.lock() = Some((status, reply));
    }

    /// Waits until workflows were read, or were to be, so often.
    pub(crate) async fn readings(&self, number: usize) {
        let mut readings = self.readings.subscribe();
        readings.wait_for(|readings| *readings >= number).await.unwrap();
    }

    fn read(&self, ids: &[String]) -> Result<Value, (u16, Value)> {
        self.readings.send_modify(|readings| *readings += 1);
        self.no_reading.lock().clone().map_or_else(|| Ok(self.rows(ids)), Err)
    }

    fn rows(&self, ids: &[String]) -> Value {
        let Some(row) = self.row.borrow().clone() else {
            return json!([]);
        };
        let rows = ids.iter().map(|id| {
            let mut row = row.clone();
            row["ID"] = json!(id);
            row
        });
        rows.collect()
    }

    /// Waits until it was sent so many answers.
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
    answer(reply, &json!(true))
}

async fn instances(State(portal): State<FakePortal>, Json(body): Json<Value>) -> Response {
    match portal.read(&texts(&body["FILTER"]["ID"])) {
        Ok(rows) => answer(None, &rows),
        Err((status, error)) => answer(Some((status, error.to_string())), &Value::Null),
    }
}

/// Answers in a batch are told as lone ones are, and each gets its reply; one that is no JSON is the reply to them all.
async fn batch(State(portal): State<FakePortal>, Json(body): Json<Value>) -> Response {
    let (mut results, mut errors, mut whole) = (Map::new(), Map::new(), None);
    for (name, command) in body["cmd"].as_object().unwrap() {
        let command = command.as_str().unwrap();
        let command = reqwest::Url::parse("http://portal/").unwrap().join(command).unwrap();
        let pairs: Vec<(String, String)> = command.query_pairs().into_owned().collect();
        let get = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        if command.path() == "/bizproc.workflow.instances" {
            let ids = pairs.iter().filter(|(name, _)| name.starts_with("FILTER[ID]"));
            match portal.read(&ids.map(|(_, id)| id.clone()).collect::<Vec<_>>()) {
                Ok(rows) => results.insert(name.clone(), rows),
                Err((_, error)) => errors.insert(name.clone(), error),
            };
            continue;
        }
        let sent = json!({
            "auth": body["auth"],
            "event_token": get("EVENT_TOKEN"),
            "log_message": get("LOG_MESSAGE"),
            "return_values": {"outputString": get("RETURN_VALUES[outputString]")},
        });
        portal.sent.send_modify(|all| all.push(sent));
        let reply = portal.replies.lock().pop_front();
        match reply.as_ref().map(|(_, text)| serde_json::from_str::<Value>(text)) {
            None => drop(results.insert(name.clone(), json!(true))),
            Some(Ok(error)) => drop(errors.insert(name.clone(), error)),
            Some(Err(_)) => whole = reply,
        }
    }
    answer(whole, &json!({"result": results, "result_error": errors}))
}

fn answer(reply: Option<(u16, String)>, result: &Value) -> Response {
    match reply {
        Some((status, text)) => (StatusCode::from_u16(status).unwrap(), text).into_response(),
        None => Json(json!({"result": result, "time": {"start": 1, "finish": 2, "duration": 1}})).into_response(),
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}
