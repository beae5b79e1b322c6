//! The real Jaeger, all in one, with its storage in memory.

use std::process::Stdio;

use anyhow::Context as _;
use harness::until;
use serde_json::Value;
use tempfile::TempDir;
use tests::free_ports;
use tokio::process::{Child, Command};

use crate::Trace;

/// A running Jaeger on loopback ports of its own; killed when dropped.
#[derive(Debug)]
pub struct Jaeger {
    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be, for `http/protobuf`.
    pub otlp_http: String,
    /// The same for `grpc`.
    pub otlp_grpc: String,
    query: String,
    client: reqwest::Client,
    _process: Child,
    folder: TempDir,
}

impl Jaeger {
    /// Starts the `jaeger` of the `PATH` and waits until it answers.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let [grpc, http, query, query_grpc] = free_ports()?;
        let config = folder.path().join("jaeger.yaml");
        std::fs::write(&config, configuration(grpc, http, query, query_grpc))?;
        let process = Command::new("jaeger")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log"))?)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start jaeger: `tests/run tools jaeger` builds it and puts it into the PATH")?;
        let jaeger = Self {
            otlp_http: format!("http://127.0.0.1:{http}"),
            otlp_grpc: format!("http://127.0.0.1:{grpc}"),
            query: format!("http://127.0.0.1:{query}"),
            client: crate::http(),
            _process: process,
            folder,
        };
        let log = || std::fs::read_to_string(jaeger.folder.path().join("log"));
        until(async || jaeger.get("/api/services").await.map_err(|_| log())).await;
        Ok(jaeger)
    }

    /// A trace, once it has all of `operations` (`service: name`, each as often as it is given).
    pub async fn trace(&self, id: &str, operations: &[&str]) -> anyhow::Result<Trace> {
        let ask = async || {
            let found = self.get(&format!("/api/traces/{id}")).await?;
            let trace = Trace::of(&found["data"][0])?;
            if trace.has(operations) {
                Ok(trace)
            } else {
                Err(anyhow::anyhow!("without {operations:?}: {trace:#?}"))
            }
        };
        Ok(until(ask).await)
    }

    /// All traces of a service.
    pub async fn traces(&self, service: &str) -> anyhow::Result<Vec<Trace>> {
        let found = self
            .get(&format!("/api/traces?service={service}&limit=5000&lookback=1h"))
            .await?;
        found["data"].as_array().into_iter().flatten().map(Trace::of).collect()
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let response = self.client.get(format!("{}{path}", self.query)).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }
}

fn configuration(grpc: u16, http: u16, query: u16, query_grpc: u16) -> String {
    format!(
        r#"
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry:
    metrics: {{level: none}}
    logs: {{level: warn}}
extensions:
  jaeger_storage:
    backends:
      memory: {{memory: {{max_traces: 100000}}}}
  jaeger_query:
    storage: {{traces: memory}}
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{query_grpc}"}}
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"}}
      http: {{endpoint: "127.0.0.1:{http}"}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"#
    )
}
