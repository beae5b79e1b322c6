//! Connections of portals and browsers.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use service::Lifecycle;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::task::TaskTracker;
use tower::Service;

use super::source::Peer;

/// Longest wait for a request's head, also on an idle connection: longer than proxies keep theirs, so that they close first.
const HEAD: Duration = Duration::from_mins(2);
/// Pause after the system refused a connection (no file handles).
const REFUSED: Duration = Duration::from_millis(50);

/// The server.
pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) max_connections: usize,
    pub(crate) lifecycle: Lifecycle,
}

impl Server {
    /// Serves until the soft stop, then until the running requests are answered.
    pub(crate) async fn run(self, listener: TcpListener) {
        let stopping = self.lifecycle.stopping();
        let permits = Arc::new(Semaphore::new(self.max_connections));
        let connections = TaskTracker::new();
        loop {
            let accept = async {
                let permit = permits.clone().acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = stopping.cancelled() => break,
                accepted = accept => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (router, lifecycle) = (self.router.clone(), self.lifecycle.clone());
                    connections.spawn(async move {
                        serve(stream, Peer(peer.ip()), router, lifecycle).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(REFUSED).await;
                }
            }
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

async fn serve(stream: TcpStream, peer: Peer, router: Router, lifecycle: Lifecycle) {
    // Answers are small; waiting to fill a packet would cost 40 ms.
    let _best_effort = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        // A router is always ready.
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        // Small messages: one copy costs less than a list of pieces for the system.
        .writev(false)
        // A portal that has sent its whole callback and hangs up won't send it again: the callback is handled.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let stopping = lifecycle.stopping();
    let result = tokio::select! {
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
