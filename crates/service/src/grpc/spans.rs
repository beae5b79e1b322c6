//! One server span for each call.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use opentelemetry::{
    KeyValue,
    trace::{SpanContext, SpanKind},
};
use tonic::Code;
use tower::{Layer, Service};

use crate::{
    Telemetry,
    telemetry::{Span, traceparent},
};

/// The context of the call's server span, the parent of what its handler does; `None` when no telemetry is on.
pub fn context<T>(request: &tonic::Request<T>) -> Option<&SpanContext> {
    request.extensions().get::<SpanContext>()
}

#[derive(Debug, Clone)]
pub(super) struct SpanLayer(pub(super) Telemetry);

#[derive(Debug, Clone)]
pub(super) struct Traced<S> {
    inner: S,
    telemetry: Telemetry,
}

impl<S> Layer<S> for SpanLayer {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced {
            inner,
            telemetry: self.0.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Traced<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<TracedBody<R>>;
    type Error = S::Error;
    type Future = TracedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let span = self
            .telemetry
            .enabled()
            .then(|| begin(&self.telemetry, &mut request))
            .flatten();
        TracedFuture {
            inner: self.inner.call(request),
            span,
        }
    }
}

/// Begins the call's span; the handler gets its context even if it is not recorded.
fn begin<B>(telemetry: &Telemetry, request: &mut Request<B>) -> Option<Span> {
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

/// Ends the call's span with its status.
fn end(mut span: Span, status: Option<Code>) {
    let code = status.unwrap_or(Code::Unknown);
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

fn status(headers: &HeaderMap) -> Option<Code> {
    headers
        .get("grpc-status")
        .map(|value| Code::from_bytes(value.as_bytes()))
}

pin_project_lite::pin_project! {
    pub(super) struct TracedFuture<F> {
        #[pin]
        inner: F,
        span: Option<Span>,
    }
}

impl<F, R, E> Future for TracedFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<TracedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(context))?;
        let mut span = this.span.take();
        // A call that failed at once has its status in the headers.
        if let Some(code) = span.as_ref().and_then(|_| status(response.headers()))
            && let Some(span) = span.take()
        {
            end(span, Some(code));
        }
        Poll::Ready(Ok(response.map(|inner| TracedBody { inner, span })))
    }
}

pin_project_lite::pin_project! {
    /// A response body that ends the call's span with its trailers. Dropped before them (the caller went away), the span
    /// ends as cancelled.
    pub(super) struct TracedBody<B> {
        #[pin]
        inner: B,
        span: Option<Span>,
    }

    impl<B> PinnedDrop for TracedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(span) = this.project().span.take() {
                end(span, Some(Code::Cancelled));
            }
        }
    }
}

impl<B: Body> Body for TracedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(context));
        let code = match &frame {
            Some(Ok(data)) if !data.is_trailers() => return Poll::Ready(frame),
            Some(Ok(trailers)) => trailers.trailers_ref().and_then(status),
            Some(Err(_)) => Some(Code::Internal),
            None => None,
        };
        if let Some(span) = this.span.take() {
            end(span, code);
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
