//! The emulated portal, driven through its control API.

use anyhow::Context as _;
use portal::{NewPortal, Options, PortalInfo, Running};
use serde_json::Value;

/// An emulator with one portal, `main`.
#[derive(Debug)]
pub struct Emulator {
    /// The emulator itself.
    pub running: Running,
    client: reqwest::Client,
}

impl Emulator {
    /// Starts it on free ports.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_as(NewPortal::default()).await
    }

    /// Starts it with a given portal.
    pub async fn start_as(portal: NewPortal) -> anyhow::Result<Self> {
        let running = portal::start(Options {
            portals: vec![portal],
            ..Options::default()
        })
        .await?;
        Ok(Self {
            running,
            client: http(),
        })
    }

    /// The portal's addresses.
    pub fn portal(&self) -> &PortalInfo {
        &self.running.portals[0]
    }

    /// GET under `/control/portals/main/`.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send("GET", path, None).await
    }

    /// POST under `/control/portals/main/`.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.send("POST", path, Some(body)).await
    }

    /// Any request under `/control/portals/main/`.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let url = format!("{}/control/portals/main/{path}", self.running.control_url);
        let mut request = self.client.request(method.parse()?, &url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        anyhow::ensure!(status.is_success(), "{method} {path}: {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("{method} {path}: {text}"))
    }

    /// Starts a workflow and gives its id.
    pub async fn workflow(&self, steps: Value) -> anyhow::Result<String> {
        let started = self.post("workflows", serde_json::json!({ "steps": steps })).await?;
        Ok(started["id"].as_str().context("no workflow id")?.to_owned())
    }

    /// Waits until a workflow is over and gives it.
    pub async fn finished(&self, workflow: &str) -> anyhow::Result<Value> {
        self.get(&format!("wait?workflow={workflow}&timeout_ms=60000")).await
    }

    /// Waits until a counter has reached a value and gives all counters.
    pub async fn counted(&self, counter: &str, at_least: u64) -> anyhow::Result<Value> {
        self.get(&format!("wait?counter={counter}&at_least={at_least}&timeout_ms=120000"))
            .await
    }
}

/// A plain client, as any program would have.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own client must not share the code under test"
)]
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a plain client")
}
