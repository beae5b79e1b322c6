//! Portals: where answers go, by which token, within which limits, and what replies mean.

mod body;
mod client;
mod confirm;
mod limits;
mod operating;
mod reply;
mod resolver;
mod rows;
mod send;
mod token;
mod verdict;

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use service::{Backoff, SharedClock};

use self::token::Tokens;
pub(crate) use self::{
    body::command_of,
    client::HttpClient,
    confirm::{LastSend, Next, Row},
    limits::{Limits, Rates},
    operating::Operating,
    reply::{Exchanged, Read, Sent},
    rows::{PAGE, is_readable},
    send::Sending,
    verdict::Verdict,
};
use crate::{pause::Pause, registrar::Registrar};

/// Everything that answers need.
pub(crate) struct Portals {
    http: HttpClient,
    registrar: Registrar,
    clock: SharedClock,
    rates: Rates,
    /// By portal: all its apps share them.
    limits: Mutex<HashMap<String, Arc<Mutex<Limits>>>>,
}

/// An app on a portal, as far as sending to it goes.
pub(crate) struct Portal {
    pub(crate) app: String,
    pub(crate) member_id: String,
    pub(crate) pause: Pause,
    pub(crate) limits: Arc<Mutex<Limits>>,
    pub(crate) operating: Mutex<Operating>,
    tokens: Tokens,
}

impl Portals {
    pub(crate) fn new(http: HttpClient, registrar: Registrar, clock: SharedClock, rates: Rates) -> Self {
        Self {
            http,
            registrar,
            clock,
            rates,
            limits: Mutex::default(),
        }
    }

    /// An app on a portal. Only asked for what was authenticated, so their number is that of the installations.
    pub(crate) fn open(&self, app: &str, member_id: &str) -> Portal {
        let limits = self
            .limits
            .lock()
            .entry(member_id.to_owned())
            .or_insert_with(|| Arc::new(Mutex::new(Limits::new(self.rates))))
            .clone();
        Portal {
            app: app.to_owned(),
            member_id: member_id.to_owned(),
            pause: Pause::new(BACKOFF, PROBE),
            limits,
            operating: Mutex::default(),
            tokens: Tokens::default(),
        }
    }
}

/// Pauses of a portal in trouble. A minute at most: one that works again is noticed soon.
const BACKOFF: Backoff = Backoff::seconds(2, 60);
/// Longest wait for a portal's whole reply: it cuts a request at 60 s itself.
const REPLY_LIMIT: Duration = Duration::from_secs(65);
/// After this time without a result of a probe another one may go: longer than a reply can take.
const PROBE: Duration = Duration::from_secs(70);
