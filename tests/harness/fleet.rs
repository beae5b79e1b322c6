//! Several gateways on one database, behind one address.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use axum::{Router, body::Bytes, extract::State, http};
use tokio::sync::RwLock;

use crate::{Emulator, Process, Shape, Stack, free_ports};

/// Longest wait for a gateway to come, or to take over.
const LONGEST: Duration = Duration::from_mins(1);

/// Gateways behind a balancer, beside the rest of a stack.
#[derive(Debug)]
pub struct Fleet {
    /// All but the gateways.
    pub stack: Stack,
    members: Vec<Member>,
    balancer: Arc<Balancer>,
}

#[derive(Debug)]
struct Member {
    process: Process,
    ports: [u16; 3],
}

/// Gives each request to the next of those that are in, and to another one when it can't be reached. What was sent to one that
/// breaks off is lost, as it is with any balancer.
#[derive(Debug)]
struct Balancer {
    client: reqwest::Client,
    targets: Vec<Target>,
    turn: AtomicUsize,
    /// Held while a request is under way.
    under_way: RwLock<()>,
}

#[derive(Debug)]
struct Target {
    port: u16,
    is_in: AtomicBool,
}

impl Fleet {
    /// Starts everything with so many gateways; the app is not installed yet.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(gateways: usize) -> anyhow::Result<Self> {
        let stack = Stack::start_with(Shape::Fleet, Emulator::start().await?, "", &[]).await?;
        let mut members = Vec::new();
        for _ in 0..gateways {
            let ports = free_ports()?;
            let process = start(&stack, ports)?;
            members.push(Member { process, ports });
        }
        for member in &members {
            stack.ready(member.ports[2]).await?;
        }
        let targets = members.iter().map(|member| Target {
            port: member.ports[0],
            is_in: AtomicBool::new(true),
        });
        let balancer = Arc::new(Balancer {
            client: client()?,
            targets: targets.collect(),
            turn: AtomicUsize::new(0),
            under_way: RwLock::default(),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", stack.public_port())).await?;
        let router = Router::new().fallback(forward).with_state(balancer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            stack,
            members,
            balancer,
        })
    }

    /// A gateway, to stop and continue it.
    pub fn process(&self, gateway: usize) -> &Process {
        &self.members[gateway].process
    }

    /// Replaces a gateway as a rolling update does: it gets no more requests, is told to end, and its successor is in when it is
    /// ready.
    ///
    /// # Errors
    /// It does not end well, or its successor does not start.
    pub async fn roll(&mut self, gateway: usize) -> anyhow::Result<()> {
        self.balancer.targets[gateway].is_in.store(false, Ordering::SeqCst);
        drop(self.balancer.under_way.write().await);
        self.members[gateway].process.terminate().await?;
        self.restart(gateway).await
    }

    /// `kill -9` of a gateway while it has no request in its hands, and a new one in its place.
    ///
    /// # Errors
    /// The new one does not start.
    pub async fn kill(&mut self, gateway: usize) -> anyhow::Result<()> {
        {
            let _none_under_way = self.balancer.under_way.write().await;
            self.balancer.targets[gateway].is_in.store(false, Ordering::SeqCst);
            self.members[gateway].process.kill().await?;
        }
        self.restart(gateway).await
    }

    /// Takes a gateway out of the balancer's turn, or in again.
    pub fn set_in(&self, gateway: usize, is_in: bool) {
        self.balancer.targets[gateway].is_in.store(is_in, Ordering::SeqCst);
    }

    /// Waits until a gateway has ended by itself, and starts it again, as a supervisor does.
    ///
    /// # Errors
    /// The new one does not start.
    pub async fn comes_back(&mut self, gateway: usize) -> anyhow::Result<()> {
        let ended = tokio::time::timeout(LONGEST, self.members[gateway].process.ended()).await;
        ended.context("the gateway does not end")??;
        self.restart(gateway).await
    }

    /// Which gateway does the work, once one does.
    ///
    /// # Errors
    /// None does.
    pub async fn works(&self) -> anyhow::Result<usize> {
        let found = async {
            loop {
                for (index, member) in self.members.iter().enumerate() {
                    let url = format!("http://127.0.0.1:{}/metrics", member.ports[2]);
                    let asked = self.stack.http.get(url).timeout(Duration::from_secs(1)).send().await;
                    if let Ok(reply) = asked
                        && reply
                            .text()
                            .await
                            .is_ok_and(|text| text.lines().any(|line| line == "gateway_works 1"))
                    {
                        return index;
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LONGEST, found).await.context("no gateway works")
    }

    async fn restart(&mut self, gateway: usize) -> anyhow::Result<()> {
        let ports = self.members[gateway].ports;
        self.members[gateway].process = start(&self.stack, ports)?;
        self.stack.ready(ports[2]).await?;
        self.set_in(gateway, true);
        Ok(())
    }
}

/// One that keeps no connections: those of a gateway that ends would take requests with them.
#[expect(clippy::disallowed_methods, reason = "it passes on what comes, and only to our own")]
fn client() -> reqwest::Result<reqwest::Client> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0);
    client.redirect(reqwest::redirect::Policy::none()).build()
}

fn start(stack: &Stack, [http, grpc, admin]: [u16; 3]) -> anyhow::Result<Process> {
    let [http, grpc, admin] = [http, grpc, admin].map(|port| format!("127.0.0.1:{port}"));
    let variables = [
        ("GATEWAY__HTTP__LISTEN", http.as_str()),
        ("GATEWAY__GRPC__LISTEN", &grpc),
        ("GATEWAY__ADMIN__LISTEN", &admin),
    ];
    stack.spawn("gateway", &[], &variables)
}

async fn forward(
    State(balancer): State<Arc<Balancer>>,
    method: http::Method,
    uri: http::Uri,
    headers: http::HeaderMap,
    body: Bytes,
) -> (http::StatusCode, Bytes) {
    let _under_way = balancer.under_way.read().await;
    let count = balancer.targets.len();
    let first = balancer.turn.fetch_add(1, Ordering::Relaxed);
    for target in (first..first + count).map(|turn| &balancer.targets[turn % count]) {
        if !target.is_in.load(Ordering::SeqCst) {
            continue;
        }
        let url = format!("http://127.0.0.1:{}{uri}", target.port);
        let request = balancer.client.request(method.clone(), url).headers(headers.clone());
        match request.body(body.clone()).send().await {
            Ok(reply) => {
                let status = reply.status();
                return match reply.bytes().await {
                    Ok(body) => (status, body),
                    Err(_) => (http::StatusCode::BAD_GATEWAY, Bytes::new()),
                };
            }
            Err(error) if error.is_connect() => {}
            Err(_) => return (http::StatusCode::BAD_GATEWAY, Bytes::new()),
        }
    }
    (http::StatusCode::SERVICE_UNAVAILABLE, Bytes::new())
}
