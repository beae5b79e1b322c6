//! Spans to an OTLP endpoint, in batches and off the callers' path.

use std::{
    borrow::Cow,
    env, io,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter},
};
use parking_lot::{Condvar, Mutex};
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use tokio::runtime::{Builder, Runtime};

use super::otlp::Endpoint;
use crate::{grpc::ChannelError, tls};

/// Spans that may wait, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise: the SDK's 2,048 lost half of a saturated
/// gateway's spans.
const QUEUE: usize = 131_072;
/// Spans a batch, unless `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` says otherwise: so few that a core's cache still holds them when they are
/// encoded (measured: batches of 2,048 cost 2 to 4 µs a job more).
const BATCH: usize = 512;
/// How long a span waits for a batch to fill, in milliseconds, unless `OTEL_BSP_SCHEDULE_DELAY` says otherwise.
const DELAY: usize = 5000;
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
    shared: Arc<Shared>,
    /// Told when the thread ends. The runtime keeps the exporter's connection, apart from the service: a busy service exports, and
    /// a blocking shutdown cannot wait for itself.
    running: Mutex<Option<(mpsc::Receiver<()>, Runtime)>>,
}

/// What the services' threads and the exporting one share. Its spans are handed over a batch at a time, as they lie: the SDK's
/// processor moves each through a ring of its largest number of spans, whose memory no cache holds.
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    queue: usize,
    batch: usize,
    counts: Counts,
}

#[derive(Default)]
struct Waiting {
    spans: Vec<SpanData>,
    /// Of the batch that is being sent.
    in_hand: usize,
    /// Nothing is taken any more.
    closed: bool,
}

#[derive(Debug, Default)]
struct Counts {
    exported: Counter,
    failed: Counter,
    dropped: Counter,
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
        let mut exporter = {
            let _inside = runtime.enter();
            endpoint.exporter()?
        };
        exporter.set_resource(&Resource::builder().with_service_name(service).build());
        let number = |name, default: usize| variable(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let queue = number("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE);
        let batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH);
        let delay = Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", DELAY) as u64);
        Ok(Some(Self::new(exporter, queue, batch, delay, runtime)?))
    }

    fn new<E>(exporter: E, queue: usize, batch: usize, delay: Duration, runtime: Runtime) -> io::Result<Self>
    where
        E: SpanExporter + 'static,
    {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            queue,
            batch: batch.clamp(1, queue.max(1)),
            counts: Counts::default(),
        });
        let (ended, end) = mpsc::channel();
        thread::Builder::new().name("spans".into()).spawn({
            let shared = shared.clone();
            move || {
                shared.run(&exporter, delay);
                drop(ended);
            }
        })?;
        Ok(Self {
            shared,
            running: Mutex::new(Some((end, runtime))),
        })
    }

    pub(super) fn push(&self, span: SpanData) {
        let Shared {
            queue, batch, counts, ..
        } = &*self.shared;
        let mut waiting = self.shared.waiting.lock();
        if waiting.closed || waiting.spans.len() + waiting.in_hand >= *queue {
            counts.dropped.inc();
            return;
        }
        waiting.spans.push(span);
        if waiting.spans.len() == *batch {
            self.shared.wake.notify_one();
        }
    }

    pub(super) fn shutdown(&self) {
        let Some((end, runtime)) = self.running.lock().take() else {
            return;
        };
        self.shared.waiting.lock().closed = true;
        self.shared.wake.notify_one();
        if end.recv_timeout(SHUTDOWN_LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            let waiting = self.shared.waiting.lock();
            let spans = waiting.spans.len() + waiting.in_hand;
            tracing::warn!(spans, "the last spans could not be sent in time");
        }
        runtime.shutdown_background();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let Counts {
            exported,
            failed,
            dropped,
        } = &self.shared.counts;
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

impl Shared {
    /// Sends batches until nothing is taken any more and nothing waits.
    fn run(&self, exporter: &impl SpanExporter, delay: Duration) {
        let mut failing = false;
        while let Some(batch) = self.next(delay) {
            let spans = batch.len() as u64;
            match futures::executor::block_on(exporter.export(batch)) {
                Ok(()) => {
                    self.counts.exported.inc_by(spans);
                    if std::mem::take(&mut failing) {
                        tracing::info!("spans can be sent again");
                    }
                }
                Err(error) => {
                    self.counts.failed.inc_by(spans);
                    // Once, not every few seconds for as long as the endpoint is away.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "spans cannot be sent");
                    }
                }
            }
        }
    }

    /// A full batch, or after `delay` what there is.
    fn next(&self, delay: Duration) -> Option<Vec<SpanData>> {
        let mut waiting = self.waiting.lock();
        waiting.in_hand = 0;
        loop {
            let late = waiting.spans.len() < self.batch
                && !waiting.closed
                && self.wake.wait_for(&mut waiting, delay).timed_out();
            if waiting.spans.is_empty() {
                if waiting.closed {
                    return None;
                }
            } else if late || waiting.closed || waiting.spans.len() >= self.batch {
                break;
            }
        }
        let at = self.batch.min(waiting.spans.len());
        // Where a batch was filled, the next one will be.
        let mut rest = Vec::with_capacity(if at == self.batch { at } else { 0 });
        rest.extend(waiting.spans.drain(at..));
        let batch = std::mem::replace(&mut waiting.spans, rest);
        waiting.in_hand = batch.len();
        drop(waiting);
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use opentelemetry::trace::SpanKind;
    use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

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
        let delay = Duration::from_secs(5);
        (
            Exporter::new(Slow(sender, works), 4, 2, delay, runtime).unwrap(),
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
        assert_eq!(exporter.shared.counts.dropped.get(), 3);
        let counts = &exporter.shared.clone().counts;
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
        let counts = &exporter.shared.clone().counts;
        std::thread::scope(|scope| {
            scope.spawn(|| exporter.shutdown());
            assert_eq!(batches.recv().unwrap(), 1);
        });
        assert_eq!((counts.exported.get(), counts.failed.get()), (0, 1));
    }
}
