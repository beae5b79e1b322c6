//! The emulated portal's control API, as far as the demo needs it.

use anyhow::Context as _;
use serde_json::Value;

pub(super) struct Control {
    client: reqwest::Client,
    /// `…/control/portals/main/`.
    base: String,
}

impl Control {
    pub(super) fn new(control_url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            client: bitrix::rest::client_builder().build()?,
            base: format!("{control_url}/control/portals/main/"),
        })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        read(path, self.client.get(format!("{}{path}", self.base))).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        read(path, self.client.post(format!("{}{path}", self.base)).json(body)).await
    }
}

async fn read(path: &str, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let response = request
        .send()
        .await
        .with_context(|| format!("the emulated portal's control API ({path})"))?;
    let status = response.status();
    let body: Value = response
        .json()
        .await
        .with_context(|| format!("{path} answered no JSON"))?;
    anyhow::ensure!(status.is_success(), "{path}: {status}: {body}");
    Ok(body)
}
