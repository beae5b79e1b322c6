//! Portals: where answers go, by which token, and what failures mean.

mod client;
mod pause;
mod send;
mod token;
mod verdict;

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use service::SharedClock;
use tokio::sync::{Semaphore, SemaphorePermit};

use self::token::Tokens;
pub(crate) use self::{
    client::HttpClient,
    pause::Pause,
    send::{Sending, Sent},
    verdict::Verdict,
};
use crate::registrar::Registrar;

/// Everything that answers need.
pub(crate) struct Portals {
    http: HttpClient,
    registrar: Registrar,
    clock: SharedClock,
    sends: usize,
    known: Mutex<HashMap<String, Arc<Portal>>>,
}

/// An app on a portal, as far as sending to it goes.
pub(crate) struct Portal {
    tokens: Tokens,
    /// Answers in flight at once.
    permits: Semaphore,
    pub(crate) pause: Pause,
}

impl Portals {
    /// `sends`: answers in flight to one portal at once.
    pub(crate) fn new(http: HttpClient, registrar: Registrar, clock: SharedClock, sends: usize) -> Self {
        Self {
            sends,
            http,
            registrar,
            clock,
            known: Mutex::default(),
        }
    }

    /// By app and portal. Only asked for what was authenticated, so their number is that of the installations.
    pub(crate) fn get(&self, app: &str, member_id: &str) -> Arc<Portal> {
        // An app's name has no blank.
        let key = [app, " ", member_id].concat();
        self.known
            .lock()
            .entry(key)
            .or_insert_with(|| Arc::new(Portal::new(self.sends)))
            .clone()
    }
}

impl Portal {
    fn new(sends: usize) -> Self {
        Self {
            tokens: Tokens::default(),
            permits: Semaphore::new(sends),
            pause: Pause::default(),
        }
    }

    /// A permit to send. Take it before asking for the pause, which may begin while one waits for the permit.
    pub(crate) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so it never fails.
        self.permits.acquire().await.ok()
    }
}

/// Longest wait for a portal's whole reply: it cuts a request at 60 s itself.
const REPLY_LIMIT: Duration = Duration::from_secs(65);
