//! An emulator on free ports, an app's handler that notes what it gets, and a client.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use bitrix::form;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// A post that the handler got.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) user_agent: String,
    pub(crate) raw: String,
    pub(crate) body: Value,
}

/// The app's side.
pub(crate) struct Handler {
    pub(crate) url: String,
    posts: mpsc::UnboundedReceiver<Posted>,
    status: Arc<Mutex<StatusCode>>,
}

impl Handler {
    async fn start() -> Self {
        let (sender, posts) = mpsc::unbounded_channel();
        let status = Arc::new(Mutex::new(StatusCode::OK));
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state((sender, status.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, posts, status }
    }

    pub(crate) async fn next(&mut self) -> Posted {
        tokio::time::timeout(std::time::Duration::from_secs(10), self.posts.recv())
            .await
            .expect("a post in time")
            .unwrap()
    }

    pub(crate) fn nothing_came(&mut self) -> bool {
        self.posts.try_recv().is_err()
    }

    pub(crate) fn answer(&self, status: StatusCode) {
        *self.status.lock() = status;
    }
}

async fn take(
    State((sender, status)): State<(mpsc::UnboundedSender<Posted>, Arc<Mutex<StatusCode>>)>,
    uri: axum::http::Uri,
    headers: axum::http::HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let limits = form::Limits {
        pairs: 100_000,
        depth: 200,
        bytes: 64 << 20,
    };
    let decoded = form::decode(&body, &limits)
        .map(|array| form::to_json(&array))
        .unwrap_or_default();
    let user_agent = headers
        .get("user-agent")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let raw = String::from_utf8_lossy(&body).into_owned();
    let _ = sender.send(Posted {
        path: uri.to_string(),
        user_agent,
        raw,
        body: decoded,
    });
    (*status.lock(), "<html>the app's page</html>")
}

/// Emulator with the portal `main`, and the app `demo` (client id and secret of that name).
pub(crate) struct Stage {
    pub(crate) running: portal::Running,
    pub(crate) handler: Handler,
    pub(crate) http: reqwest::Client,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::with(portal::NewPortal::default()).await
    }

    pub(crate) async fn with(new: portal::NewPortal) -> Self {
        let options = portal::Options {
            portals: vec![new],
            ..portal::Options::default()
        };
        let running = portal::start(options).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's client is no client of ours")]
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            running,
            handler: Handler::start().await,
            http,
        }
    }

    /// A control call under the portal `main`.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.control_raw(method, &format!("portals/main/{path}"), body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    pub(crate) async fn control_raw(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/control/{path}", self.running.control_url);
        let mut request = self.http.request(method.parse().unwrap(), url);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A REST call to the portal `main`.
    pub(crate) async fn rest(&self, method: &str, token: &str, mut params: Value) -> (u16, Value) {
        params["auth"] = json!(token);
        let url = format!("{}{method}", self.running.portals[0].client_endpoint);
        let answer = self.http.post(url).json(&params).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_else(|_| json!(text)))
    }

    pub(crate) async fn oauth(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let answer = self
            .http
            .post(format!("{}/oauth/token/", self.running.oauth_url))
            .form(form)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Installs the API-only app `demo`, takes its ONAPPINSTALL and gives the access token.
    pub(crate) async fn install(&mut self) -> String {
        let app = json!({
            "client_id": "demo", "client_secret": "secret", "api_only": true, "install_url": format!("{}/event", self.handler.url),
        });
        self.control("POST", "apps", app).await;
        let event = self.handler.next().await;
        assert_eq!(event.body["event"], "ONAPPINSTALL");
        event.body["auth"]["access_token"].as_str().unwrap().to_owned()
    }

    /// Registers an activity of one text in and one text out that waits.
    pub(crate) async fn register(&self, token: &str, code: &str) {
        let (status, answer) = self.rest("bizproc.activity.add", token, self.definition(code)).await;
        assert_eq!((status, &answer["result"]), (200, &json!(true)), "{answer}");
    }

    pub(crate) fn definition(&self, code: &str) -> Value {
        json!({
            "CODE": code, "HANDLER": format!("{}/activity", self.handler.url), "NAME": {"en": "MD5"}, "USE_SUBSCRIPTION": "Y",
            "AUTH_USER_ID": 1,
            "PROPERTIES": {"inputString": {"Name": "Input", "Type": "string", "Default": "{=Document:NAME}"}},
            "RETURN_PROPERTIES": {"outputString": {"Name": "Output", "Type": "string"}},
        })
    }

    pub(crate) async fn start_workflow(&self, steps: Value) -> String {
        let body = json!({"steps": steps, "fields": {"NAME": "Тест"}});
        self.control("POST", "workflows", body).await["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn finished(&self, workflow: &str) -> Value {
        self.control(
            "GET",
            &format!("wait?workflow={workflow}&timeout_ms=10000"),
            Value::Null,
        )
        .await
    }

    pub(crate) async fn counters(&self) -> Value {
        self.control("GET", "counters", Value::Null).await
    }
}
