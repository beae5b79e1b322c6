//! Streams of health and reflection end with the soft stop: a watching client must not hold up the drain.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

#[derive(Debug, Clone)]
pub(super) struct StreamsLayer(pub(super) Arc<CancellationToken>);

#[derive(Debug, Clone)]
pub(super) struct Ending<S> {
    inner: S,
    /// Shared: the server clones its services for every call, and a token's clone takes a lock.
    stopping: Arc<CancellationToken>,
}

impl<S> Layer<S> for StreamsLayer {
    type Service = Ending<S>;

    fn layer(&self, inner: S) -> Ending<S> {
        Ending {
            inner,
            stopping: self.0.clone(),
        }
    }
}

impl<S> Service<Request<Body>> for Ending<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = EndingFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !request.uri().path().starts_with("/grpc.") {
            return EndingFuture {
                inner: self.inner.call(request),
                stopping: None,
            };
        }
        // The caller's half ends, too: a handler that reads it would wait for the caller.
        let request = request.map(|body| until(&self.stopping, body, None));
        EndingFuture {
            inner: self.inner.call(request),
            stopping: Some(self.stopping.clone()),
        }
    }
}

pin_project_lite::pin_project! {
    pub(super) struct EndingFuture<F> {
        #[pin]
        inner: F,
        stopping: Option<Arc<CancellationToken>>,
    }
}

impl<F, E> Future for EndingFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(context))?;
        Poll::Ready(Ok(match this.stopping.take() {
            Some(stopping) => response.map(|body| until(&stopping, body, Some(trailers()))),
            None => response,
        }))
    }
}

/// `UNAVAILABLE`: a client with several servers takes another one.
fn trailers() -> HeaderMap {
    [("grpc-status", "14"), ("grpc-message", "the server is stopping")]
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .collect()
}

fn until(stopping: &Arc<CancellationToken>, inner: Body, end: Option<HeaderMap>) -> Body {
    Body::new(Until {
        inner,
        stopping: Some(Box::pin(CancellationToken::clone(stopping).cancelled_owned())),
        end,
    })
}

/// A body that ends with the soft stop, and with trailers if it is an answer.
struct Until {
    inner: Body,
    /// `None`: it has ended.
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    end: Option<HeaderMap>,
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(stopping) = &mut self.stopping else {
            return Poll::Ready(None);
        };
        if stopping.as_mut().poll(context).is_ready() {
            self.stopping = None;
            return Poll::Ready(self.end.take().map(|trailers| Ok(Frame::trailers(trailers))));
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.stopping.is_none() && self.end.is_none() || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
