//! Spans to an OTLP endpoint, in batches and off the callers' path.

use std::{
    borrow::Cow,
    env, fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor},
};
use parking_lot::Mutex;
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use tokio::runtime::{Builder, Runtime};

use super::otlp::Endpoint;
use crate::{grpc::ChannelError, tls};

/// Spans that may wait, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise: the SDK's 2,048 lost half of a saturated
/// gateway's spans.
const QUEUE: usize = 131_072;
/// Spans a batch, unless `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` says otherwise.
const BATCH: usize = 4096;
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// Telemetry that is configured wrongly.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A protocol that this program does not speak.
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL is `{0}`: write `grpc` or `http/protobuf`")]
    Protocol(String),
    /// A gRPC endpoint that is no address.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Endpoint(#[from] ChannelError),
    /// Anything else that the variables got wrong.
    #[error("OTLP export cannot start (see the OTEL_EXPORTER_OTLP_… variables): {0}")]
    Exporter(#[from] ExporterBuildError),
    /// No thread for the exporter.
    #[error("OTLP export cannot start its runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

pub(super) struct Exporter {
    processor: BatchSpanProcessor,
    queue: usize,
    counts: Arc<Counts>,
    /// The exporter's connection lives here: apart from the service, so that a busy service exports and a blocking
    /// shutdown cannot wait for itself.
    runtime: Mutex<Option<Runtime>>,
}

#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicUsize,
    exported: Counter,
    failed: Counter,
    dropped: Counter,
    failing: AtomicBool,
    /// Nothing is sent any more.
    closed: AtomicBool,
}

impl Exporter {
    /// `None`: the standard variables name no endpoint or switch traces off.
    pub(super) fn from_env(service: Cow<'static, str>) -> Result<Option<Self>, TelemetryError> {
        let variable = |name: &str| env::var(name).ok();
        let Some(endpoint) = Endpoint::from_variables(variable)? else {
            return Ok(None);
        };
        tls::install_provider();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp")
            .enable_all()
            .build()?;
        let exporter = {
            let _inside = runtime.enter();
            endpoint.exporter()?
        };
        let number = |name, default| variable(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let queue = number("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE);
        let batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH);
        let resource = Resource::builder().with_service_name(service).build();
        Ok(Some(Self::new(exporter, queue, batch, &resource, runtime)))
    }

    fn new<E>(exporter: E, queue: usize, batch: usize, resource: &Resource, runtime: Runtime) -> Self
    where
        E: SpanExporter + 'static,
    {
        let counts = Arc::new(Counts::default());
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(queue)
            .with_max_export_batch_size(batch.min(queue))
            .build();
        let counted = Counted {
            inner: exporter,
            counts: counts.clone(),
        };
        let mut processor = BatchSpanProcessor::builder(counted).with_batch_config(config).build();
        processor.set_resource(resource);
        Self {
            processor,
            queue,
            counts,
            runtime: Mutex::new(Some(runtime)),
        }
    }

    pub(super) fn push(&self, span: SpanData) {
        // The SDK drops silently; the bound is kept here so that drops are counted.
        if self.counts.closed.load(Ordering::Relaxed) {
            self.counts.dropped.inc();
        } else if self.counts.waiting.fetch_add(1, Ordering::Relaxed) >= self.queue {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped.inc();
        } else {
            self.processor.on_end(span);
        }
    }

    pub(super) fn shutdown(&self) {
        let Some(runtime) = self.runtime.lock().take() else {
            return;
        };
        self.counts.closed.store(true, Ordering::Relaxed);
        if let Err(error) = self.processor.shutdown_with_timeout(SHUTDOWN_LIMIT) {
            let spans = self.counts.waiting.load(Ordering::Relaxed);
            tracing::warn!(%error, spans, "the last spans could not be sent");
        }
        runtime.shutdown_background();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let Counts {
            exported,
            failed,
            dropped,
            ..
        } = &*self.counts;
        registry.register(
            "telemetry_spans_exported",
            "Spans that the OTLP endpoint took",
            exported.clone(),
        );
        registry.register(
            "telemetry_spans_failed",
            "Spans that the OTLP endpoint did not take",
            failed.clone(),
        );
        registry.register(
            "telemetry_spans_dropped",
            "Spans that found the queue full, or the service stopping",
            dropped.clone(),
        );
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// Counts what the exporter does.
struct Counted<E> {
    inner: E,
    counts: Arc<Counts>,
}

impl<E> fmt::Debug for Counted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counted").field(&self.counts).finish()
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.inner.export(batch).await;
        self.counts.waiting.fetch_sub(spans, Ordering::Relaxed);
        match &result {
            Ok(()) => {
                self.counts.exported.inc_by(spans as u64);
                if self.counts.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("spans can be sent again");
                }
            }
            Err(error) => {
                self.counts.failed.inc_by(spans as u64);
                // Once, not every few seconds for as long as the endpoint is away.
                if !self.counts.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "spans cannot be sent");
                }
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use opentelemetry::trace::SpanKind;
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;
    use crate::telemetry::{SpanId, Telemetry, span_id, trace_id};

    /// Hands over the size of each batch, and blocks until it was looked at.
    #[derive(Debug)]
    struct Slow(mpsc::SyncSender<usize>, bool);

    impl SpanExporter for Slow {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.send(batch.len()).map_err(|_| OTelSdkError::AlreadyShutdown)?;
            if self.1 {
                Ok(())
            } else {
                Err(OTelSdkError::InternalFailure("no route".into()))
            }
        }
    }

    fn exporter(works: bool) -> (Exporter, mpsc::Receiver<usize>) {
        let (sender, batches) = mpsc::sync_channel(0);
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        (
            Exporter::new(Slow(sender, works), 4, 2, &Resource::builder_empty().build(), runtime),
            batches,
        )
    }

    fn span() -> SpanData {
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        let ids = (trace_id(), span_id(), SpanId::INVALID);
        Telemetry::off().span_data("x", SpanKind::Internal, ids, (epoch, epoch))
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (exporter, batches) = exporter(true);
        // Nothing is taken from the exporter yet: it holds a batch at most.
        for _ in 0..7 {
            exporter.push(span());
        }
        assert_eq!(exporter.counts.dropped.get(), 3);
        let counts = exporter.counts.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| exporter.shutdown());
            assert_eq!(batches.recv().unwrap() + batches.recv().unwrap(), 4);
        });
        assert_eq!((counts.exported.get(), counts.dropped.get()), (4, 3));
        exporter.push(span());
        assert_eq!(counts.dropped.get(), 4, "too late is dropped, too");
    }

    #[test]
    fn a_failed_batch_is_counted() {
        let (exporter, batches) = exporter(false);
        exporter.push(span());
        let counts = exporter.counts.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| exporter.shutdown());
            assert_eq!(batches.recv().unwrap(), 1);
        });
        assert_eq!((counts.exported.get(), counts.failed.get()), (0, 1));
    }
}
