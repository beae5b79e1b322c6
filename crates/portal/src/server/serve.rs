//! A listener that can be shut like a machine that goes down: at once, with every open connection.

use std::{convert::Infallible, io, net::SocketAddr};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::world::Shared;

/// Binds an address, naming it in the error.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}

/// Serves until the token is cancelled, then drops the listener and all connections.
pub(crate) fn spawn(shared: &Shared, listener: TcpListener, router: Router, until: CancellationToken) {
    let serving = until.clone();
    accept(shared, listener, until, move |stream, peer| {
        connection(stream, peer, router.clone(), serving.clone())
    });
}

/// Accepts until the token is cancelled; each connection is served by a task of its own.
pub(crate) fn accept<Serving>(
    shared: &Shared,
    listener: TcpListener,
    until: CancellationToken,
    serve: impl Fn(TcpStream, SocketAddr) -> Serving + Send + 'static,
) where
    Serving: Future<Output = ()> + Send + 'static,
{
    let tasks = shared.tasks().clone();
    shared.tasks().spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = until.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    tasks.spawn(serve(stream, peer));
                }
                Err(error) => {
                    tracing::debug!(%error, "accepting failed");
                    // Out of file descriptors: trying at once would only burn CPU.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    });
}

/// Serves one connection until it ends or the token is cancelled.
pub(crate) async fn connection<Stream>(stream: Stream, peer: SocketAddr, router: Router, until: CancellationToken)
where
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let response = router
                .oneshot(request)
                .await
                .unwrap_or_else(|never: Infallible| match never {});
            Ok::<_, Infallible>(response)
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = until.cancelled() => {}
        served = serving => {
            if let Err(error) = served {
                tracing::debug!(%error, "connection ended");
            }
        }
    }
}
