//! A `CONNECT` proxy that leads the vendor's hosts and the portals' domains to the emulator, and nothing anywhere else.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{Router, body::Body, response::Response};
use http::Method;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::service_fn,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Authority;
use crate::{
    names::OAUTH_HOSTS,
    server::{self, portal, response, serve},
    world::Shared,
};

/// Where https is.
const PORT: u16 = 443;

/// Serves the proxy until the emulator stops.
pub(crate) fn spawn(shared: &Shared, listener: TcpListener, authority: Arc<Authority>) {
    let until = shared.stopping().clone();
    let shared = shared.clone();
    serve::accept(&shared.clone(), listener, until, move |stream, peer| {
        connection(stream, peer, shared.clone(), authority.clone())
    });
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: Shared, authority: Arc<Authority>) {
    let until = shared.stopping().clone();
    let service = service_fn(move |request| {
        let answer = answer(&shared, peer, &authority, request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        () = until.cancelled() => {}
        served = serving => {
            if let Err(error) = served {
                tracing::debug!(%error, "connection to the proxy ended");
            }
        }
    }
}

/// Who answers for a host, and until when.
struct Destination {
    router: Router,
    serving: CancellationToken,
}

fn answer(shared: &Shared, peer: SocketAddr, authority: &Arc<Authority>, request: Request<Incoming>) -> Response<Body> {
    let refused = |status, text: String| response(status, "text/plain; charset=UTF-8", text);
    let uri = request.uri();
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    if request.method() != Method::CONNECT || uri.port_u16() != Some(PORT) {
        let text = "this proxy only takes CONNECT to port 443: use it for https".to_owned();
        return refused(405, text);
    }
    let Some(Destination { router, serving }) = destination(shared, &host) else {
        return refused(
            403,
            format!("{host:?} is no name of this emulator: see GET /control/ for those that are"),
        );
    };
    if serving.is_cancelled() {
        return refused(502, format!("{host} is down"));
    }
    let (upgrade, authority) = (hyper::upgrade::on(request), authority.clone());
    shared.tasks().spawn(async move {
        tokio::select! {
            () = serving.cancelled() => {}
            opened = open(upgrade, &authority, &host) => match opened {
                Ok(stream) => serve::connection(stream, peer, router, serving).await,
                Err(error) => tracing::debug!(%error, host, "no TLS through the proxy"),
            }
        }
    });
    refused(200, String::new())
}

type Tls = tokio_rustls::server::TlsStream<TokioIo<Upgraded>>;

async fn open(
    upgrade: OnUpgrade,
    authority: &Authority,
    host: &str,
) -> Result<Tls, Box<dyn std::error::Error + Send + Sync>> {
    let acceptor = TlsAcceptor::from(authority.server(host)?);
    Ok(acceptor.accept(TokioIo::new(upgrade.await?)).await?)
}

fn destination(shared: &Shared, host: &str) -> Option<Destination> {
    if OAUTH_HOSTS.contains(&host) {
        let serving = shared.stopping().clone();
        let router = server::oauth::router(shared.clone());
        return Some(Destination { router, serving });
    }
    let (name, serving) = shared.read(|world| {
        let mut portals = world.portals.iter();
        let known = |hosted: &crate::world::Hosted| {
            hosted.portal.address == host || hosted.moved_from.iter().any(|old| old == host)
        };
        portals
            .find(|(_, hosted)| known(hosted))
            .map(|(name, hosted)| (name.clone(), hosted.serving.clone()))
    })?;
    let front = portal::Front {
        shared: shared.clone(),
        name,
        host: host.to_owned(),
    };
    let router = portal::router(front);
    Some(Destination { router, serving })
}
