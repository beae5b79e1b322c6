//! Spans to an OTLP endpoint, in batches and off the callers' path.

use std::{
    borrow::Cow,
    collections::VecDeque,
    env, io,
    sync::{Arc, mpsc},
    time::Duration,
};

use bytes::Bytes;
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::{Resource, trace::SpanData};
use parking_lot::Mutex;
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
};

use super::{
    encode,
    otlp::{Endpoint, Failed, Sender},
};
use crate::{Backoff, grpc::ChannelError, tls};

/// Spans that may wait, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise: the SDK's 2,048 lost half of a saturated
/// gateway's spans.
const QUEUE: usize = 131_072;
/// Spans a batch, unless `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` says otherwise.
const BATCH: usize = 2048;
/// How long a span waits for a batch to fill, in milliseconds, unless `OTEL_BSP_SCHEDULE_DELAY` says otherwise.
const DELAY: usize = 5000;
/// Requests for one batch, where the endpoint may take it a little later.
const TRIES: u32 = 3;
const AGAIN: Backoff = Backoff::seconds(1, 5);
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
    /// An HTTP endpoint that is no address, or can't be used.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT leads to `{0}`, where no spans can be sent: {1}")]
    Address(String, String),
    /// Headers that are none.
    #[error("OTEL_EXPORTER_OTLP_HEADERS is no list of `name=value` with commas between, values percent-encoded")]
    Headers,
    /// No thread for the exporter.
    #[error("OTLP export cannot start its runtime: {0}")]
    Runtime(#[from] io::Error),
}

pub(super) struct Exporter {
    shared: Arc<Shared>,
    /// Told when all is sent. The runtime is apart from the service's: a busy service exports, and a blocking shutdown cannot
    /// wait for itself.
    running: Mutex<Option<(mpsc::Receiver<()>, Runtime)>>,
}

/// What the services' threads and the exporting one share.
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Notify,
    queue: usize,
    batch: usize,
    counts: Counts,
}

/// Spans as they are sent: nothing of them is kept but these bytes, so that the callers' memory stays in their caches.
#[derive(Default)]
struct Waiting {
    /// Full batches.
    full: VecDeque<Vec<u8>>,
    /// The batch that is being filled, and how many spans are in it.
    written: Vec<u8>,
    spans: usize,
    /// Spans of the batch that is being sent.
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
    pub(super) fn from_env(
        service: Cow<'static, str>,
        scope: &InstrumentationScope,
    ) -> Result<Option<Self>, TelemetryError> {
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
        let sender = {
            let _inside = runtime.enter();
            endpoint.sender()?
        };
        let number = |name, default: usize| variable(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let queue = number("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE);
        let batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH);
        let delay = Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", DELAY) as u64);
        let (resource, scope) = (Resource::builder().with_service_name(service).build(), scope.clone());
        let sender = Arc::new(sender);
        let send = move |spans: &[u8]| {
            let body = Bytes::from(encode::request(&resource, &scope, spans));
            persistently(sender.clone(), body)
        };
        Ok(Some(Self::new(send, queue, batch, delay, runtime)))
    }

    fn new<S, F>(send: S, queue: usize, batch: usize, delay: Duration, runtime: Runtime) -> Self
    where
        S: Fn(&[u8]) -> F + Send + 'static,
        F: Future<Output = Result<(), String>> + Send,
    {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            wake: Notify::new(),
            queue,
            batch: batch.clamp(1, queue.max(1)),
            counts: Counts::default(),
        });
        let (ended, end) = mpsc::channel();
        runtime.spawn({
            let shared = shared.clone();
            async move {
                shared.run(send, delay).await;
                drop(ended);
            }
        });
        Self {
            shared,
            running: Mutex::new(Some((end, runtime))),
        }
    }

    pub(super) fn push(&self, span: &SpanData) {
        let shared = &*self.shared;
        let mut waiting = shared.waiting.lock();
        if waiting.closed || shared.held(&waiting) >= shared.queue {
            shared.counts.dropped.inc();
            return;
        }
        encode::span(&mut waiting.written, span);
        waiting.spans += 1;
        if waiting.spans == shared.batch {
            // The next one will be as long.
            let room = Vec::with_capacity(waiting.written.len());
            let batch = std::mem::replace(&mut waiting.written, room);
            waiting.full.push_back(batch);
            waiting.spans = 0;
            drop(waiting);
            shared.wake.notify_one();
        }
    }

    pub(super) fn shutdown(&self) {
        let Some((end, runtime)) = self.running.lock().take() else {
            return;
        };
        self.shared.waiting.lock().closed = true;
        self.shared.wake.notify_one();
        if end.recv_timeout(SHUTDOWN_LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            let spans = self.shared.held(&self.shared.waiting.lock());
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
    async fn run<F>(&self, send: impl Fn(&[u8]) -> F, delay: Duration)
    where
        F: Future<Output = Result<(), String>>,
    {
        let mut failing = false;
        while let Some((spans, written)) = self.next(delay).await {
            match send(&written).await {
                Ok(()) => {
                    self.counts.exported.inc_by(spans as u64);
                    if std::mem::take(&mut failing) {
                        tracing::info!("spans can be sent again");
                    }
                }
                Err(error) => {
                    self.counts.failed.inc_by(spans as u64);
                    // Once, not every few seconds for as long as the endpoint is away.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "spans cannot be sent");
                    }
                }
            }
        }
    }

    /// A full batch, or after `delay` what there is: how many spans, and their bytes.
    async fn next(&self, delay: Duration) -> Option<(usize, Vec<u8>)> {
        self.waiting.lock().in_hand = 0;
        let mut late = false;
        loop {
            {
                let mut waiting = self.waiting.lock();
                if let Some(batch) = waiting.full.pop_front() {
                    waiting.in_hand = self.batch;
                    return Some((self.batch, batch));
                }
                if waiting.spans > 0 && (late || waiting.closed) {
                    waiting.in_hand = std::mem::take(&mut waiting.spans);
                    return Some((waiting.in_hand, std::mem::take(&mut waiting.written)));
                }
                if waiting.closed {
                    return None;
                }
            }
            late = tokio::time::timeout(delay, self.wake.notified()).await.is_err();
        }
    }

    /// All spans that are not sent yet.
    fn held(&self, waiting: &Waiting) -> usize {
        waiting.full.len() * self.batch + waiting.spans + waiting.in_hand
    }
}

/// Sends a request, a few times if it has to be.
async fn persistently(sender: Arc<Sender>, body: Bytes) -> Result<(), String> {
    let mut tries = 1;
    loop {
        match sender.send(body.clone()).await {
            Ok(()) => return Ok(()),
            Err(Failed { again: true, .. }) if tries < TRIES => {
                tokio::time::sleep(AGAIN.delay(tries)).await;
                tries += 1;
            }
            Err(failed) => return Err(failed.problem),
        }
    }
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

    /// An exporter of batches of 2 and 4 spans in all; hands over the size of each batch, and waits until it was looked at.
    fn exporter(works: bool) -> (Exporter, mpsc::Receiver<usize>) {
        let (sender, batches) = mpsc::sync_channel(0);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let mut one = Vec::new();
        encode::span(&mut one, &span());
        let send = move |written: &[u8]| {
            sender.send(written.len() / one.len()).unwrap();
            std::future::ready(if works { Ok(()) } else { Err("no route".to_owned()) })
        };
        (Exporter::new(send, 4, 2, Duration::from_secs(5), runtime), batches)
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
            exporter.push(&span());
        }
        let counts = &exporter.shared.clone().counts;
        assert_eq!(counts.dropped.get(), 3);
        std::thread::scope(|scope| {
            scope.spawn(|| exporter.shutdown());
            assert_eq!(batches.recv().unwrap() + batches.recv().unwrap(), 4);
        });
        assert_eq!((counts.exported.get(), counts.dropped.get()), (4, 3));
        exporter.push(&span());
        assert_eq!(counts.dropped.get(), 4, "too late is dropped, too");
    }

    #[test]
    fn a_failed_batch_is_counted() {
        let (exporter, batches) = exporter(false);
        exporter.push(&span());
        let counts = &exporter.shared.clone().counts;
        std::thread::scope(|scope| {
            scope.spawn(|| exporter.shutdown());
            assert_eq!(batches.recv().unwrap(), 1);
        });
        assert_eq!((counts.exported.get(), counts.failed.get()), (0, 1));
    }

    #[tokio::test]
    async fn a_request_goes_again_where_that_may_help() {
        for (status, requests) in [("503 Service Unavailable", 2), ("400 Bad Request", 1)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let server = tokio::spawn(async move {
                let mut seen = Vec::new();
                for status in [status, "200 OK"] {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let mut request = vec![0; 4096];
                    let read = stream.read(&mut request).await.unwrap();
                    seen.push(String::from_utf8_lossy(&request[..read]).into_owned());
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    if status.starts_with('4') {
                        break;
                    }
                }
                seen
            });
            tls::install_provider();
            let variable = |name: &str| match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(address.clone()),
                "OTEL_EXPORTER_OTLP_HEADERS" => Some("x-key=hush".into()),
                _ => None,
            };
            let sender = Endpoint::from_variables(variable).unwrap().unwrap().sender().unwrap();
            let sent = persistently(Arc::new(sender), Bytes::from_static(b"body")).await;
            assert_eq!(sent.is_ok(), requests == 2, "{sent:?}");
            let seen = server.await.unwrap();
            assert_eq!(seen.len(), requests);
            for request in seen {
                assert!(request.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{request}");
                assert!(request.contains("x-key: hush\r\n"), "{request}");
            }
        }
    }
}
