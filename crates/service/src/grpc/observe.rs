//! What a server notes of each call: one span, one count, one duration.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{HeaderMap, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use opentelemetry::{
    KeyValue,
    trace::{SpanContext, SpanKind},
};
use tonic::Code;
use tower::{Layer, Service};

use super::calls::Calls;
use crate::{
    SharedClock, Telemetry,
    telemetry::{Span, log_span, traceparent},
};

/// The context of the call's server span, the parent of what its handler does; `None` when no telemetry is on.
pub fn context<T>(request: &tonic::Request<T>) -> Option<&SpanContext> {
    request.extensions().get::<SpanContext>()
}

/// What observes, shared by all calls.
pub(super) struct Observer {
    pub(super) telemetry: Telemetry,
    pub(super) clock: SharedClock,
    pub(super) calls: Calls,
    /// Whether the log lines of handlers carry the trace's id.
    pub(super) logs_traces: bool,
}

impl Observer {
    fn begin<B>(self: &Arc<Self>, request: &mut Request<B>) -> Call {
        let span = if self.telemetry.enabled() {
            begin_span(&self.telemetry, request)
        } else {
            None
        };
        Call {
            observer: self.clone(),
            uri: request.uri().clone(),
            started: self.clock.monotonic(),
            span,
        }
    }
}

/// Begins the call's span; the handler gets its context even if it is not recorded.
fn begin_span<B>(telemetry: &Telemetry, request: &mut Request<B>) -> Option<Span> {
    let parent = request
        .headers()
        .get(traceparent::HEADER)
        .and_then(|value| traceparent::parse(value.to_str().ok()?));
    let path = request.uri().path();
    let name = path.strip_prefix('/').unwrap_or(path);
    let mut span = telemetry.span(name.to_owned(), SpanKind::Server, parent.as_ref());
    if span.is_recording() {
        span.set(KeyValue::new("rpc.system", "grpc"));
        if let Some((service, method)) = name.split_once('/') {
            span.set(KeyValue::new("rpc.service", service.to_owned()));
            span.set(KeyValue::new("rpc.method", method.to_owned()));
        }
    }
    request.extensions_mut().insert(span.context().clone());
    span.is_recording().then_some(span)
}

/// A call under way. Dropped before its end (the caller went away), it ends as cancelled.
pub(super) struct Call {
    observer: Arc<Observer>,
    uri: Uri,
    started: Duration,
    span: Option<Span>,
}

impl Call {
    fn end(&mut self, code: Code) {
        let took = self.observer.clock.monotonic().saturating_sub(self.started);
        self.observer.calls.ended(self.uri.path(), code, took);
        let Some(mut span) = self.span.take() else { return };
        span.set(KeyValue::new("rpc.grpc.status_code", i64::from(code as i32)));
        // What OpenTelemetry's conventions take for the server's fault, and not for the caller's.
        if matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        ) {
            span.fail(code.description());
        }
    }
}

/// Ends a call at most once.
struct Ending(Option<Call>);

impl Ending {
    fn end(&mut self, code: Code) {
        if let Some(mut call) = self.0.take() {
            call.end(code);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

fn status(headers: &HeaderMap) -> Option<Code> {
    headers
        .get("grpc-status")
        .map(|value| Code::from_bytes(value.as_bytes()))
}

#[derive(Clone)]
pub(super) struct ObserveLayer(pub(super) Arc<Observer>);

#[derive(Clone)]
pub(super) struct Observed<S> {
    inner: S,
    observer: Arc<Observer>,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed {
            inner,
            observer: self.0.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Observed<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<ObservedBody<R>>;
    type Error = S::Error;
    type Future = ObservedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let call = Ending(Some(self.observer.begin(&mut request)));
        let log = match request.extensions().get::<SpanContext>() {
            Some(context) if self.observer.logs_traces => log_span(context),
            _ => tracing::Span::none(),
        };
        ObservedFuture {
            inner: self.inner.call(request),
            call,
            log,
        }
    }
}

pin_project_lite::pin_project! {
    pub(super) struct ObservedFuture<F> {
        #[pin]
        inner: F,
        call: Ending,
        log: tracing::Span,
    }
}

impl<F, R, E> Future for ObservedFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ObservedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.log.in_scope(|| this.inner.poll(context)))?;
        // A call that failed at once has its status in the headers.
        if let Some(code) = status(response.headers()) {
            this.call.end(code);
        }
        let call = Ending(this.call.0.take());
        Poll::Ready(Ok(response.map(|inner| ObservedBody { inner, call })))
    }
}

pin_project_lite::pin_project! {
    /// A response body that ends its call with the trailers.
    pub(super) struct ObservedBody<B> {
        #[pin]
        inner: B,
        call: Ending,
    }
}

impl<B: Body> Body for ObservedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(context));
        match &frame {
            Some(Ok(part)) => {
                if let Some(trailers) = part.trailers_ref() {
                    this.call.end(status(trailers).unwrap_or(Code::Unknown));
                }
            }
            Some(Err(_)) => this.call.end(Code::Internal),
            None => this.call.end(Code::Unknown),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests;
