//! Spans to an OTLP endpoint: the SDK's batch processor and OTLP exporter, with counts of what became of the spans.

use std::{
    borrow::Cow,
    env, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor},
};
use parking_lot::Mutex;
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use tokio::runtime::{Builder, Runtime};

use super::{TelemetryError, endpoint::Endpoint};
use crate::tls;

/// Spans that may wait, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise: the SDK's 2,048 lost half of a saturated
/// gateway's spans.
const QUEUE: usize = 131_072;
/// Spans a batch, unless `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` says otherwise.
const BATCH: usize = 2048;
/// How long a span waits for a batch to fill, in milliseconds, unless `OTEL_BSP_SCHEDULE_DELAY` says otherwise.
const DELAY: usize = 5000;
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

pub(super) struct Exporter {
    processor: BatchSpanProcessor,
    queue: usize,
    state: Arc<State>,
    /// Where the requests run, apart from the service's runtime: a busy service exports, and a blocking shutdown cannot wait for
    /// itself. Taken by the shutdown.
    runtime: Mutex<Option<Runtime>>,
}

/// What the services' threads and the exporting one share.
#[derive(Debug, Default)]
struct State {
    /// Spans that were handed over and are neither exported nor failed. The bound is kept here and not by the processor, which
    /// does not tell what it drops.
    waiting: AtomicUsize,
    closed: AtomicBool,
    exported: Counter,
    failed: Counter,
    dropped: Counter,
}

/// An exporter whose results are counted and told in the log.
#[derive(Debug)]
struct Counted<E> {
    exporter: Arc<E>,
    runtime: tokio::runtime::Handle,
    state: Arc<State>,
    failing: AtomicBool,
}

impl Exporter {
    /// `None`: the standard variables name no endpoint or switch traces off.
    pub(super) fn from_env(service: Cow<'static, str>) -> Result<Option<Self>, TelemetryError> {
        Self::from_variables(service, |name| env::var(name).ok())
    }

    fn from_variables(
        service: Cow<'static, str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, TelemetryError> {
        let Some(endpoint) = Endpoint::from_variables(&variable)? else {
            return Ok(None);
        };
        tls::install_provider();
        let runtime = runtime()?;
        let inside = runtime.enter();
        let built = endpoint.exporter();
        drop(inside);
        let mut exporter = match built {
            Ok(exporter) => exporter,
            Err(error) => {
                // Dropped instead, it would panic where this is called in a runtime.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        exporter.set_resource(&Resource::builder().with_service_name(service).build());
        let given = |name| variable(name)?.parse().ok().filter(|number| *number > 0);
        let number = |name, default: usize| given(name).unwrap_or(default);
        let queue = number("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE);
        let batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH);
        let delay = Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", DELAY) as u64);
        Ok(Some(Self::new(exporter, queue, batch, delay, runtime)))
    }

    fn new<E: SpanExporter + 'static>(
        exporter: E,
        queue: usize,
        batch: usize,
        delay: Duration,
        runtime: Runtime,
    ) -> Self {
        let state = Arc::<State>::default();
        let counted = Counted {
            exporter: Arc::new(exporter),
            runtime: runtime.handle().clone(),
            state: state.clone(),
            failing: AtomicBool::new(false),
        };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(queue)
            .with_max_export_batch_size(batch.clamp(1, queue.max(1)))
            .with_scheduled_delay(delay)
            .build();
        Self {
            processor: BatchSpanProcessor::builder(counted).with_batch_config(config).build(),
            queue,
            state,
            runtime: Mutex::new(Some(runtime)),
        }
    }

    pub(super) fn push(&self, span: SpanData) {
        let state = &*self.state;
        if state.closed.load(Relaxed) || state.waiting.fetch_add(1, Relaxed) >= self.queue {
            // This span was counted, too, and does not wait.
            state.waiting.fetch_sub(1, Relaxed);
            state.dropped.inc();
            return;
        }
        self.processor.on_end(span);
    }

    pub(super) fn shutdown(&self) {
        let Some(runtime) = self.runtime.lock().take() else {
            return;
        };
        self.state.closed.store(true, Relaxed);
        if let Err(OTelSdkError::Timeout(_)) = self.processor.shutdown_with_timeout(SHUTDOWN_LIMIT) {
            let spans = self.state.waiting.load(Relaxed);
            tracing::warn!(spans, "the last spans could not be sent in time");
        }
        runtime.shutdown_background();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let State {
            exported,
            failed,
            dropped,
            ..
        } = &*self.state;
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

impl<E: SpanExporter + 'static> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exporter = self.exporter.clone();
        // The processor's thread has no runtime, and clients need one.
        let sent = self.runtime.spawn(async move { exporter.export(batch).await }).await;
        let sent = sent.unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())));
        self.state.waiting.fetch_sub(spans, Relaxed);
        match &sent {
            Ok(()) => {
                self.state.exported.inc_by(spans as u64);
                if self.failing.swap(false, Relaxed) {
                    tracing::info!("spans can be sent again");
                }
            }
            Err(error) => {
                self.state.failed.inc_by(spans as u64);
                // Once, not every few seconds for as long as the endpoint is away.
                if !self.failing.swap(true, Relaxed) {
                    tracing::warn!(%error, "spans cannot be sent");
                }
            }
        }
        sent
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("otlp")
        .enable_all()
        .build()
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanKind;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::telemetry::{SpanId, Telemetry, span_id, trace_id};

    /// Tells the size of each batch, and waits until it was looked at.
    #[derive(Debug)]
    struct Slow {
        batches: std::sync::mpsc::SyncSender<usize>,
        works: bool,
    }

    impl SpanExporter for Slow {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.batches.send(batch.len()).unwrap();
            let failure = || OTelSdkError::InternalFailure("no route".into());
            self.works.then_some(()).ok_or_else(failure)
        }
    }

    /// An exporter of batches of 2 and 4 spans in all.
    fn exporter(works: bool) -> (Exporter, std::sync::mpsc::Receiver<usize>) {
        let (batches, seen) = std::sync::mpsc::sync_channel(0);
        let delay = Duration::from_secs(5);
        let exporter = Exporter::new(Slow { batches, works }, 4, 2, delay, runtime().unwrap());
        (exporter, seen)
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
        let state = &exporter.state.clone();
        assert_eq!(state.dropped.get(), 3);
        std::thread::scope(|scope| {
            scope.spawn(|| exporter.shutdown());
            assert_eq!(batches.recv().unwrap() + batches.recv().unwrap(), 4);
        });
        assert_eq!((state.exported.get(), state.dropped.get()), (4, 3));
        exporter.push(span());
        assert_eq!(state.dropped.get(), 4, "too late is dropped, too");
    }

    #[test]
    fn a_failed_batch_is_counted() {
        let (exporter, batches) = exporter(false);
        exporter.push(span());
        let state = &exporter.state.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| exporter.shutdown());
            assert_eq!(batches.recv().unwrap(), 1);
        });
        assert_eq!((state.exported.get(), state.failed.get()), (0, 1));
    }

    #[tokio::test]
    async fn a_wrong_endpoint_is_told_in_a_runtime_too() {
        let variable = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://127.0.0.1:4318".into()),
            "OTEL_EXPORTER_OTLP_CERTIFICATE" => Some("/no/such/file.pem".into()),
            _ => None,
        };
        let built = Exporter::from_variables("x".into(), variable);
        assert!(matches!(built, Err(TelemetryError::Certificate(..))));
    }

    #[tokio::test]
    async fn a_request_goes_again_where_that_may_help() {
        // A redirect is not followed: it would take the spans, and the key in the headers, wherever it names.
        for (status, requests) in [
            ("503 Service Unavailable", 2),
            ("400 Bad Request", 1),
            ("307 Temporary Redirect", 1),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let (requested, seen) = std::sync::mpsc::channel();
            let server = tokio::spawn(async move {
                for status in [status, "200 OK"] {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let mut request = vec![0; 4096];
                    let read = stream.read(&mut request).await.unwrap();
                    let request = String::from_utf8_lossy(&request[..read]).into_owned();
                    requested.send(request).unwrap();
                    let answer =
                        format!("HTTP/1.1 {status}\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
            tls::install_provider();
            let variable = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| address.clone());
            let exporter = Endpoint::from_variables(variable).unwrap().unwrap().exporter().unwrap();
            let sent = exporter.export(vec![span()]).await;
            assert_eq!(sent.is_ok(), requests == 2, "{sent:?}");
            server.abort();
            let seen: Vec<String> = seen.try_iter().collect();
            assert_eq!(seen.len(), requests);
            for request in seen {
                assert!(request.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{request}");
            }
        }
    }
}
