//! Whether the executor itself answered: a layer under the client that notes what came over the wire.
//!
//! Neither the client's code nor its error's source tells: a lost connection is `Unavailable`, `Unknown` or `Cancelled`,
//! an executor that panics looks like a cancelled call, a proxy's page is an `Internal` error without a source. What does
//! tell is the HTTP status, and whether a `grpc-status` came.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tower::Service;

const STATUS: &str = "grpc-status";

/// What was seen of one call.
#[derive(Debug, Default)]
pub(crate) struct Note {
    http: AtomicU16,
    flags: AtomicU16,
}

const SENT: u16 = 1;
const GRPC_STATUS: u16 = 2;
const UNREADABLE: u16 = 4;

impl Note {
    /// Status of the HTTP response; `None`: there was none.
    pub(crate) fn http_status(&self) -> Option<u16> {
        Some(self.http.load(Relaxed)).filter(|status| *status != 0)
    }

    /// Some of the request was written: the executor may have seen it.
    pub(crate) fn sent(&self) -> bool {
        self.has(SENT)
    }

    /// A `grpc-status` came: the executor itself answered.
    pub(crate) fn grpc_status(&self) -> bool {
        self.has(GRPC_STATUS)
    }

    /// A response came that isn't the method's message.
    pub(crate) fn unreadable(&self) -> bool {
        self.has(UNREADABLE)
    }

    pub(super) fn set_unreadable(&self) {
        self.set(UNREADABLE);
    }

    fn has(&self, flag: u16) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    fn set(&self, flag: u16) {
        self.flags.fetch_or(flag, Relaxed);
    }

    fn headers(&self, headers: &HeaderMap) {
        if headers.contains_key(STATUS) {
            self.set(GRPC_STATUS);
        }
    }

    #[cfg(test)]
    pub(super) fn of(http: u16, flags: &[&str]) -> Self {
        let note = Self::default();
        note.http.store(http, Relaxed);
        for flag in flags {
            note.set(match *flag {
                "sent" => SENT,
                "status" => GRPC_STATUS,
                _ => UNREADABLE,
            });
        }
        note
    }
}

/// A channel for one call, watched.
#[derive(Debug, Clone)]
pub(super) struct Watched<S> {
    pub(super) inner: S,
    pub(super) note: Arc<Note>,
}

impl<S> Service<Request<Body>> for Watched<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<WatchedBody>;
    type Error = S::Error;
    type Future = WatchedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let note = self.note.clone();
        let request = request.map(|body| {
            Body::new(RequestBody {
                body,
                note: note.clone(),
            })
        });
        WatchedFuture {
            future: self.inner.call(request),
            note: Some(note),
        }
    }
}

pin_project_lite::pin_project! {
    /// Notes the response's head.
    pub(super) struct WatchedFuture<F> {
        #[pin]
        future: F,
        note: Option<Arc<Note>>,
    }
}

impl<F, E> Future for WatchedFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<WatchedBody>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.future.poll(context))?;
        let note = this.note.take().unwrap_or_default();
        note.http.store(response.status().as_u16(), Relaxed);
        note.headers(response.headers());
        Poll::Ready(Ok(response.map(|body| WatchedBody { body, note })))
    }
}

pin_project_lite::pin_project! {
    /// Notes that the request's message left.
    struct RequestBody {
        #[pin]
        body: Body,
        note: Arc<Note>,
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && frame.data_ref().is_some_and(Buf::has_remaining)
        {
            this.note.set(SENT);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pin_project_lite::pin_project! {
    /// Notes the response's trailers.
    pub(super) struct WatchedBody {
        #[pin]
        body: Body,
        note: Arc<Note>,
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            this.note.headers(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
