//! Metrics of one service.

use prometheus_client::{encoding::text::encode, metrics::info::Info, registry::Registry};

use crate::{REVISION, Telemetry};

/// A service's metrics: registered while it starts, then handed to the [admin port](crate::admin).
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Metrics of `service` with its build information and what became of its spans.
    pub fn new(service: &'static str, version: &'static str, telemetry: &Telemetry) -> Self {
        let mut registry = Registry::default();
        let build = Info::new([("service", service), ("version", version), ("revision", REVISION)]);
        registry.register("build", "What is running", build);
        telemetry.register(&mut registry);
        Self { registry }
    }

    /// Where to register more.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// All metrics in the `OpenMetrics` text format.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            tracing::error!("a metric could not be written");
        }
        text
    }
}
