use std::collections::BTreeSet;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::*;
use crate::{Lifecycle, Metrics, Parts, admin::Readiness, grpc::Server};

/// A server on an address of its own.
struct Peer {
    address: SocketAddr,
    lifecycle: Lifecycle,
    metrics: Metrics,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Peer {
    async fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let parts = Parts::plain();
        let mut metrics = Metrics::new("peer", "0", &parts.telemetry);
        let server = Server::new(&parts, Readiness::new(), &mut metrics);
        let task = tokio::spawn(server.serve(listener));
        Self {
            address,
            lifecycle: parts.lifecycle,
            metrics,
            task,
        }
    }

    /// Calls that were answered.
    fn calls(&self) -> u32 {
        let text = self.metrics.to_text();
        let line = text.lines().find(|line| line.starts_with("grpc_server_seconds_count"));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    async fn stop(self) {
        self.lifecycle.stop();
        self.task.await.unwrap().unwrap();
    }
}

/// Three of them on one port, as pods behind a headless Service have it.
async fn three() -> Vec<Peer> {
    let mut peers = vec![Peer::start(SocketAddr::from(([127, 0, 0, 1], 0))).await];
    for host in [2, 3] {
        peers.push(Peer::start(SocketAddr::from(([127, 0, 0, host], peers[0].address.port()))).await);
    }
    peers
}

/// What the name says, to be changed by the test.
#[derive(Clone, Default)]
struct Zone(Arc<Mutex<BTreeSet<SocketAddr>>>);

impl Zone {
    fn of(peers: &[Peer]) -> Self {
        let zone = Self::default();
        zone.set(peers);
        zone
    }

    fn set(&self, peers: &[Peer]) {
        *self.0.lock() = peers.iter().map(|peer| peer.address).collect();
    }

    fn balanced(&self) -> Balanced {
        let zone = self.0.clone();
        let resolve: Resolve = Box::new(move || {
            let addresses = zone.lock().iter().copied().collect();
            Box::pin(async move { Ok(addresses) })
        });
        let address = Address::parse("http://peers.example:50051").unwrap();
        Balanced::resolved_by(address, &Connection::default(), resolve).unwrap()
    }
}

async fn call(balanced: &Balanced) -> Result<(), Status> {
    let picked = balanced.pick().await.unwrap();
    let answer = HealthClient::new(picked.channel.clone())
        .check(HealthCheckRequest::default())
        .await;
    if answer.as_ref().is_err_and(|status| status.code() != Code::NotFound) {
        picked.silent();
    }
    answer.map(|_| ())
}

fn calls(peers: &[Peer]) -> Vec<u32> {
    peers.iter().map(Peer::calls).collect()
}

#[tokio::test]
async fn three_servers_share_the_calls() {
    let peers = three().await;
    let balanced = Zone::of(&peers).balanced();
    for _ in 0..30 {
        call(&balanced).await.unwrap();
    }
    assert_eq!(calls(&peers), [10, 10, 10]);
}

#[tokio::test]
async fn who_is_silent_is_left_out_and_who_comes_is_found() {
    let mut peers = three().await;
    let zone = Zone::of(&peers[..2]);
    let balanced = zone.balanced();
    call(&balanced).await.unwrap();
    call(&balanced).await.unwrap();
    assert_eq!(calls(&peers), [1, 1, 0]);

    peers.remove(0).stop().await;
    let mut failed = 0;
    while failed == 0 {
        failed += u32::from(call(&balanced).await.is_err());
    }
    // The name still leads to the one that is gone: the other takes its turns.
    for _ in 0..10 {
        call(&balanced).await.unwrap();
    }
    zone.set(&peers);
    while calls(&peers)[1] == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let _may_meet_the_lost_one = call(&balanced).await;
    }
    let before = calls(&peers);
    for _ in 0..10 {
        call(&balanced).await.unwrap();
    }
    let after = calls(&peers);
    assert_eq!([after[0] - before[0], after[1] - before[1]], [5, 5]);
}

#[tokio::test]
async fn a_name_without_addresses_is_told_and_asked_again() {
    let zone = Zone::default();
    let balanced = zone.balanced();
    let error = balanced.pick().await.unwrap_err().to_string();
    assert_eq!(error, "http://peers.example:50051 has no address");
    let peers = three().await;
    zone.set(&peers);
    while balanced.pick().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    call(&balanced).await.unwrap();
    // A name that is lost for a while loses no server.
    zone.set(&[]);
    balanced.pick().await.unwrap().silent();
    tokio::time::sleep(2 * PAUSE).await;
    call(&balanced).await.unwrap();
}

#[tokio::test]
async fn the_system_resolves_names() {
    let peer = Peer::start(SocketAddr::from(([127, 0, 0, 1], 0))).await;
    let address = format!("http://127.0.0.1:{}", peer.address.port());
    call(&Balanced::new(&address, &Connection::default()).unwrap())
        .await
        .unwrap();
    assert_eq!(peer.calls(), 1);
    let nowhere = Balanced::new("http://nowhere.invalid:1", &Connection::default()).unwrap();
    let error = nowhere.pick().await.unwrap_err().to_string();
    assert!(
        error.starts_with("the host of http://nowhere.invalid:1 cannot be found: "),
        "{error}"
    );
}

#[tokio::test]
async fn the_look_ups_end_with_the_last_clone() {
    let zone = Zone::default();
    let balanced = zone.balanced();
    let clone = balanced.clone();
    let _waited = balanced.pick().await;
    drop(balanced);
    assert_eq!(Arc::strong_count(&zone.0), 2);
    drop(clone);
    while Arc::strong_count(&zone.0) > 1 {
        tokio::task::yield_now().await;
    }
}
