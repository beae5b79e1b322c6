//! Several servers behind one name: calls take turns, and the name is looked up again and again.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    net::TcpStream,
    sync::{Notify, watch},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;

use super::channel::{ChannelError, Connection, endpoint};
use crate::address::Address;

/// How often the name is looked up. A headless Service's record lives for 5 s in Kubernetes by default.
const INTERVAL: Duration = Duration::from_secs(5);
/// Shortest pause between look-ups that failures ask for.
const PAUSE: Duration = Duration::from_millis(500);

/// Longest wait for a connection to a server.
const KNOCK: Duration = Duration::from_millis(500);

/// Asks for the addresses of a name; replaced in tests.
type Resolve = Box<dyn Fn() -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The servers behind `http://host:port` or `https://host:port`. Clones share the turns.
///
/// One that did not answer is left out until a look-up finds it listening, while there are others. Servers that the name has lost get
/// no new calls; calls in flight end on their own.
#[derive(Clone)]
pub struct Balanced(Arc<Shared>);

struct Shared {
    known: watch::Receiver<Known>,
    turn: AtomicUsize,
    again: Arc<Notify>,
    _ends_the_look_ups: DropGuard,
}

/// What the last look-up said.
#[derive(Clone)]
enum Known {
    Nothing,
    Problem(String),
    Members(Arc<[Member]>),
}

#[derive(Clone)]
struct Member {
    address: SocketAddr,
    channel: Channel,
    silent: Arc<AtomicBool>,
}

/// The server whose turn it is.
#[derive(Clone)]
pub struct Picked {
    /// A channel to it.
    pub channel: Channel,
    silent: Arc<AtomicBool>,
    again: Arc<Notify>,
}

/// A name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unresolved(String);

impl Balanced {
    /// Looks the name up in the background, as long as a clone lives. Must be called in a runtime.
    pub fn new(address: &str, connection: &Connection) -> Result<Self, ChannelError> {
        let address = Address::parse(address)?;
        let (host, port) = (address.host().to_owned(), address.port());
        let resolve: Resolve = Box::new(move || {
            let host = host.clone();
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        });
        Self::resolved_by(address, connection, resolve)
    }

    fn resolved_by(address: Address, connection: &Connection, resolve: Resolve) -> Result<Self, ChannelError> {
        // What is wrong with TLS shows here, not at some look-up.
        endpoint(&address, connection, None)?;
        let (sender, known) = watch::channel(Known::Nothing);
        let (again, end) = (Arc::new(Notify::new()), CancellationToken::new());
        let look_ups = LookUps {
            address,
            connection: *connection,
            resolve,
            again: again.clone(),
            known: sender,
        };
        tokio::spawn(end.clone().run_until_cancelled_owned(look_ups.run()));
        Ok(Self(Arc::new(Shared {
            known,
            turn: AtomicUsize::new(0),
            again,
            _ends_the_look_ups: end.drop_guard(),
        })))
    }

    /// The server whose turn it is; waits for the first look-up.
    ///
    /// # Errors
    /// The name never had an address, and the last look-up failed.
    pub async fn pick(&self) -> Result<Picked, Unresolved> {
        let mut known = self.0.known.clone();
        let known = match known.wait_for(|known| !matches!(known, Known::Nothing)).await {
            Ok(known) => known.clone(),
            Err(_) => return Err(Unresolved("the look-ups have ended".into())),
        };
        match known {
            Known::Members(members) => Ok(self.take_turn(&members)),
            Known::Problem(problem) => {
                self.0.again.notify_one();
                Err(Unresolved(problem))
            }
            Known::Nothing => unreachable!("waited for anything else"),
        }
    }

    fn take_turn(&self, members: &[Member]) -> Picked {
        let first = self.0.turn.fetch_add(1, Relaxed);
        let nth = |offset: usize| &members[first.wrapping_add(offset) % members.len()];
        let talking = (0..members.len()).map(nth).find(|member| !member.silent.load(Relaxed));
        let member = talking.unwrap_or_else(|| nth(0));
        Picked {
            channel: member.channel.clone(),
            silent: member.silent.clone(),
            again: self.0.again.clone(),
        }
    }
}

impl Picked {
    /// It gave no answer: others are asked from now on, and the name is looked up soon.
    pub fn silent(&self) {
        self.silent.store(true, Relaxed);
        self.again.notify_one();
    }
}

impl fmt::Debug for Balanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balanced").finish_non_exhaustive()
    }
}

impl fmt::Debug for Picked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picked").finish_non_exhaustive()
    }
}

impl Member {
    /// Whether something listens there, if no call has shown it yet: `localhost` often has an address without a listener.
    async fn probe(&self) {
        if self.silent.load(Relaxed) {
            let there = tokio::time::timeout(KNOCK, TcpStream::connect(self.address)).await;
            self.silent.store(!matches!(there, Ok(Ok(_))), Relaxed);
        }
    }
}

struct LookUps {
    address: Address,
    connection: Connection,
    resolve: Resolve,
    again: Arc<Notify>,
    known: watch::Sender<Known>,
}

impl LookUps {
    async fn run(self) {
        loop {
            self.look_up().await;
            tokio::time::sleep(PAUSE).await;
            // By the interval, or when a server gave no answer.
            let _either = tokio::time::timeout(INTERVAL, self.again.notified()).await;
        }
    }

    async fn look_up(&self) {
        let outcome = (self.resolve)().await;
        let problem = match outcome {
            Ok(addresses) if !addresses.is_empty() => match self.members(addresses) {
                Ok(members) => {
                    if members.len() > 1 {
                        futures::future::join_all(members.iter().map(Member::probe)).await;
                    }
                    self.known.send_replace(Known::Members(members.into()));
                    return;
                }
                Err(error) => error.to_string(),
            },
            Ok(_) => format!("{} has no address", self.address),
            Err(error) => format!("the host of {} cannot be found: {error}", self.address),
        };
        tracing::debug!(problem, "look-up failed");
        // Servers that were just there are better than none.
        self.known.send_if_modified(|known| {
            let none = !matches!(known, Known::Members(_));
            if none {
                *known = Known::Problem(problem);
            }
            none
        });
    }

    /// Known servers keep their connections.
    fn members(&self, mut addresses: Vec<SocketAddr>) -> Result<Vec<Member>, ChannelError> {
        addresses.sort_unstable();
        addresses.dedup();
        let known = self.known.borrow().clone();
        let known: &[Member] = if let Known::Members(members) = &known {
            members
        } else {
            &[]
        };
        let member = |address: SocketAddr| {
            if let Some(member) = known.iter().find(|member| member.address == address) {
                return Ok(member.clone());
            }
            Ok(Member {
                address,
                channel: endpoint(&self.address, &self.connection, Some(address))?.connect_lazy(),
                // No call has shown yet that it answers.
                silent: Arc::new(AtomicBool::new(true)),
            })
        };
        addresses.into_iter().map(member).collect()
    }
}

#[cfg(test)]
mod tests;
