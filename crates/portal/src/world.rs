//! Everything that one process emulates: one authorisation server and any number of portals.

pub mod limiter;
pub mod posted;
pub mod received;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{limiter::Limiter, posted::Posted, received::Received};
use crate::{
    clock::Clock,
    fault::{Faults, RelayFaults},
    oauth::OAuth,
    state::{Outgoing, Portal},
};

/// Posts that the relay has under way at once, over all portals.
const RELAY_WIDTH: usize = 64;

/// State behind every listener.
#[derive(Debug)]
pub struct World {
    /// The authorisation server.
    pub oauth: OAuth,
    /// Portals by name, in order of creation.
    pub portals: IndexMap<String, Hosted>,
}

/// A portal and what stands in front of it.
#[derive(Debug)]
pub struct Hosted {
    /// The portal.
    pub portal: Portal,
    /// Where it listens.
    pub address: SocketAddr,
    /// Cancels its listener and every open connection.
    pub serving: CancellationToken,
    /// Hosts that the portal had before: every call there is answered 302 with the new one.
    pub moved_from: Vec<String>,
    /// Wrong answers to give.
    pub faults: Faults,
    /// What the relay does wrong.
    pub relay: RelayFaults,
    /// The front end's limiter, when it is on.
    pub limiter: Limiter,
    /// Calls received, the newest last.
    pub received: Received,
    /// Posts to handlers, the newest last.
    pub posted: Posted,
    /// Whether others hit its workflows.
    pub others: bool,
    /// Incoming webhooks: secret → user.
    pub webhooks: IndexMap<String, u64>,
}

/// Posts that leave, each with its portal's name.
pub type Leaving = mpsc::UnboundedReceiver<(String, Outgoing)>;

/// The world with its lock, tasks and wake-ups; cheap to clone.
#[derive(Debug, Clone)]
pub struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    world: Mutex<World>,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
    changes: watch::Sender<u64>,
    timers: Notify,
    relay: Semaphore,
    leaving: mpsc::UnboundedSender<(String, Outgoing)>,
    client: reqwest::Client,
    posts: AtomicU64,
}

impl Shared {
    /// A world without portals, and what its portals post: the relay's work.
    pub fn new(oauth: OAuth, clock: Clock, client: reqwest::Client) -> (Self, Leaving) {
        let (leaving, posts) = mpsc::unbounded_channel();
        let shared = Self(Arc::new(Inner {
            world: Mutex::new(World {
                oauth,
                portals: IndexMap::new(),
            }),
            clock,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            changes: watch::Sender::new(0),
            timers: Notify::new(),
            relay: Semaphore::new(RELAY_WIDTH),
            leaving,
            client,
            posts: AtomicU64::new(0),
        }));
        (shared, posts)
    }

    /// The emulator's time.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Cancelled when the emulator stops.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Tasks to wait for at the end.
    pub fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// The relay's way out.
    pub fn client(&self) -> &reqwest::Client {
        &self.0.client
    }

    /// The relay's width.
    pub fn relay_width(&self) -> &Semaphore {
        &self.0.relay
    }

    /// Number of a post, for rules that hit every n-th.
    pub fn next_post(&self) -> u64 {
        self.0.posts.fetch_add(1, Ordering::Relaxed)
    }

    /// Told after every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Told when time-outs may be due earlier than thought.
    pub fn timers(&self) -> &Notify {
        &self.0.timers
    }

    /// Reads the world.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.0.world.lock())
    }

    /// Changes the world, hands what portals queued to the relay and wakes who waits for a change.
    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let (result, leaving) = {
            let mut world = self.0.world.lock();
            let result = change(&mut world);
            let leaving: Vec<(String, VecDeque<Outgoing>)> = world
                .portals
                .iter_mut()
                .filter(|(_, hosted)| !hosted.portal.outbox.is_empty())
                .map(|(name, hosted)| (name.clone(), std::mem::take(&mut hosted.portal.outbox).into()))
                .collect();
            (result, leaving)
        };
        for (name, items) in leaving {
            for item in items {
                // Fails when the relay has stopped with the emulator.
                drop(self.0.leaving.send((name.clone(), item)));
            }
        }
        self.0.changes.send_modify(|version| *version += 1);
        self.0.timers.notify_one();
        result
    }

    /// Same, for one portal; `None` when there is none of that name.
    pub fn change_portal<T>(&self, name: &str, change: impl FnOnce(&mut Hosted) -> T) -> Option<T> {
        self.change(|world| world.portals.get_mut(name).map(change))
    }

    /// Reads one portal.
    pub fn read_portal<T>(&self, name: &str, look: impl FnOnce(&Hosted) -> T) -> Option<T> {
        self.read(|world| world.portals.get(name).map(look))
    }
}

impl Hosted {
    /// A portal behind its listener, without faults.
    pub fn new(portal: Portal, address: SocketAddr, serving: CancellationToken) -> Self {
        Self {
            portal,
            address,
            serving,
            moved_from: Vec::new(),
            faults: Faults::default(),
            relay: RelayFaults::default(),
            limiter: Limiter::default(),
            received: Received::default(),
            posted: Posted::default(),
            others: false,
            webhooks: IndexMap::new(),
        }
    }
}
