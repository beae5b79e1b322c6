//! One connection of a portal, a browser or a stranger.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use service::Lifecycle;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};
use tower::Service;

use super::{
    seats::{Phase, Place, Seat},
    source::Peer,
};

/// How long a connection is kept for another request: longer than proxies keep theirs, so that they close first.
const KEPT: Duration = Duration::from_mins(2);

/// Serves requests until the peer has no more, the time for a head is over, the room is needed or the service stops.
pub(super) async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    place: Place,
    head: Duration,
    router: Router,
    lifecycle: Lifecycle,
) {
    // Answers are small; waiting to fill a packet would cost 40 ms.
    let _best_effort = stream.set_nodelay(true);
    let seat = &place.0;
    let service = service_fn(|request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        let seat = seat.clone();
        seat.turn_to(Phase::Body);
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(seat.clone());
        // A router is always ready.
        let response = router.clone().call(request);
        async move {
            let response = response.await;
            seat.turn_to(Phase::Between);
            response
        }
    });
    let stream = Watched {
        stream,
        seat: seat.clone(),
        limit: head,
        timer: None,
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(KEPT)
        // Small messages: one copy costs less than a list of pieces for the system.
        .writev(false)
        // A portal that has sent its whole callback and hangs up won't send it again: the callback is handled.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let stopping = lifecycle.stopping();
    let result = tokio::select! {
        biased;
        () = seat.told_to_go() => {
            if seat.phase() != Phase::Working {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        result = connection.as_mut() => result,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

/// Fails when a head takes too long. hyper has one time for the head and for the wait before it.
struct Watched {
    stream: TcpStream,
    seat: Arc<Seat>,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buf) {
            Poll::Ready(result) => {
                if buf.filled().len() > before && self.seat.head_begins() {
                    self.timer = None;
                }
                Poll::Ready(result)
            }
            Poll::Pending if self.seat.phase() == Phase::Head => {
                let limit = self.limit;
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
                ready!(timer.as_mut().poll(context));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head took too long")))
            }
            Poll::Pending => {
                self.timer = None;
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
