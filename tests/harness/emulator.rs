//! The emulated portals, driven through their control API.

use std::sync::Arc;

use anyhow::Context as _;
use portal::{NewPortal, Options, PortalInfo, Running};
use serde_json::{Value, json};

/// A portal of an emulator; the first one is `main`.
#[derive(Debug, Clone)]
pub struct Emulator {
    /// The emulator itself.
    pub running: Arc<Running>,
    portal: PortalInfo,
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
            portal: running.portals[0].clone(),
            running: Arc::new(running),
            client: http(),
        })
    }

    /// Makes another portal beside this one.
    pub async fn another(&self, portal: NewPortal) -> anyhow::Result<Self> {
        Ok(Self {
            portal: self.running.create_portal(portal).await?,
            ..self.clone()
        })
    }

    /// The portal's addresses, as they were when it was made.
    pub fn portal(&self) -> &PortalInfo {
        &self.portal
    }

    /// GET under the portal's part of the control API.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send("GET", path, None).await
    }

    /// POST there.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.send("POST", path, Some(body)).await
    }

    /// Any request there.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let (control, name) = (&self.running.control_url, &self.portal.name);
        let url = format!("{control}/control/portals/{name}/{path}");
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

    /// Calls a REST method of the portal as an app, with the administrator's token, and gives the result.
    pub async fn call(&self, client_id: &str, method: &str) -> anyhow::Result<Value> {
        let token = self.post("tokens", json!({"client_id": client_id})).await?;
        let url = format!("http://{}/rest/{method}", self.portal.address);
        let request = self.client.post(url).json(&json!({"auth": token["access_token"]}));
        let mut reply: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(reply["result"].take())
    }

    /// Calls a REST method with parameters, by a token of the app's.
    pub async fn call_with(&self, token: &str, method: &str, mut params: Value) -> anyhow::Result<Value> {
        params["auth"] = token.into();
        let url = format!("http://{}/rest/{method}", self.portal.address);
        let mut reply: Value = self.client.post(url).json(&params).send().await?.json().await?;
        anyhow::ensure!(reply.get("error").is_none(), "{method}: {reply}");
        Ok(reply["result"].take())
    }

    /// How often a method was called, alone and as a command of a batch.
    pub async fn asked(&self, method: &str) -> anyhow::Result<u64> {
        let calls = self.get("counters").await?["methods"][method].take();
        let count = |way: &str| calls[way].as_u64().unwrap_or_default();
        Ok(count("alone") + count("in_batches"))
    }

    /// Closes the portal: it gives this reply to every call until it is opened.
    pub async fn close(&self, status: u16, reply: Value) -> anyhow::Result<()> {
        self.post("faults", json!({"status": status, "body": reply}))
            .await
            .map(drop)
    }

    /// Opens it again.
    pub async fn open(&self) -> anyhow::Result<()> {
        self.send("DELETE", "faults", None).await.map(drop)
    }

    /// Changes switches of the portal.
    pub async fn set(&self, settings: Value) -> anyhow::Result<()> {
        self.send("PATCH", "settings", Some(settings)).await.map(drop)
    }

    /// Starts a workflow and gives its id.
    pub async fn workflow(&self, steps: Value) -> anyhow::Result<String> {
        let started = self.post("workflows", json!({ "steps": steps })).await?;
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

    /// Waits until an app's activities and robots are exactly these.
    pub async fn holds(&self, client_id: &str, codes: &[&str]) -> anyhow::Result<()> {
        let codes = codes.join(",");
        let wait = format!("wait?app={client_id}&codes={codes}&timeout_ms=60000");
        self.get(&wait).await.map(drop)
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
