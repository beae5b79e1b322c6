//! Connections of portals and browsers.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::Router;
use service::Lifecycle;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::{
    connection,
    seats::{Full, Place, Seats},
    source,
};
use crate::{config::Http, metrics::Connections};

/// Pause after the system refused a connection (no file handles).
const REFUSED: Duration = Duration::from_millis(50);

/// The server.
pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) config: Http,
    pub(crate) counts: Connections,
    pub(crate) lifecycle: Lifecycle,
}

impl Server {
    /// Serves until the soft stop, then until the running requests are answered.
    pub(crate) async fn run(self, listener: TcpListener) {
        let stopping = self.lifecycle.stopping();
        let Http {
            max_connections,
            connections_per_source,
            ..
        } = self.config;
        let seats = Seats::new(max_connections, connections_per_source, self.counts.clone());
        let connections = TaskTracker::new();
        while let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => {
                    let seated = stopping.run_until_cancelled(self.seat(&seats, peer.ip())).await;
                    if let Some(Ok(place)) = seated {
                        let (router, lifecycle) = (self.router.clone(), self.lifecycle.clone());
                        let head = self.config.head_timeout;
                        connections.spawn(connection::serve(stream, peer.ip(), place, head, router, lifecycle));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    seats.make_room();
                    tokio::time::sleep(REFUSED).await;
                }
            }
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }

    /// Waits while every connection is worked on; the next ones wait in the system's queue.
    async fn seat(&self, seats: &Arc<Seats>, peer: IpAddr) -> Result<Place, Full> {
        let proxy = source::is_trusted(peer, &self.config.trusted_proxies);
        loop {
            match seats.take(source::host(peer), proxy) {
                Err(Full::All) => seats.freed().await,
                seated => return seated,
            }
        }
    }
}
