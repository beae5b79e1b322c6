//! One emulated portal: its users, apps, registered activities and workflows.

pub mod app;
pub mod counters;
mod event_handler;
mod instance;
mod operating;
pub mod outgoing;
pub mod registry;
mod settings;
mod user;
pub mod workflow;

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;

pub use self::{
    app::AppRow,
    counters::Counters,
    event_handler::EventHandler,
    instance::InstanceRow,
    operating::{Account, Operating, OperatingLimit},
    outgoing::Outgoing,
    registry::Registry,
    settings::{EventSend, Others, Settings},
    user::User,
    workflow::Workflow,
};
use crate::{clock::Clock, names, random::Seeded};

/// One portal. Everything in it changes under one lock, as if each hit ran alone; what needs the network is put into
/// [`Portal::outbox`] and leaves after the response.
#[derive(Debug)]
pub struct Portal {
    /// Identity of the portal, 32 hex digits, stable over renames.
    pub member_id: String,
    /// The portal's name towards apps: host and port, without scheme.
    pub domain: String,
    /// Where it really listens, host and port; differs from `domain` only for portals seeded with a name.
    pub address: String,
    /// Whether apps reach it over https.
    pub https: bool,
    /// The authorisation server's URL with `/rest/`.
    pub server_endpoint: String,
    /// The emulator's time.
    pub clock: Clock,
    /// Behaviour that differs between portals; see [`Portal::set`].
    pub settings: Settings,
    /// Chance of mishaps.
    pub chance: Seeded,
    /// By id; 1 is the administrator.
    pub users: BTreeMap<u64, User>,
    /// Installed apps by `client_id`, in order of installation.
    pub apps: IndexMap<String, AppRow>,
    /// Activities, robots, placements.
    pub registry: Registry,
    /// Instance rows of living workflows, by id, which is in lower case: what `bizproc.workflow.instances` reads.
    pub instances: BTreeMap<String, InstanceRow>,
    /// All workflows ever started, by id; a finished one has no instance row any more.
    pub workflows: HashMap<String, Workflow>,
    /// `event.bind` rows.
    pub event_handlers: Vec<EventHandler>,
    /// Number of the newest of them; no number is given twice.
    pub last_event_handler: u64,
    /// Waiting steps by deadline (unix microseconds), workflow and activity name.
    pub timeouts: BTreeMap<(i64, String, String), String>,
    /// Event tokens that count as signed although the portal's key did not sign them: captured ones of another portal.
    pub seeded_tokens: HashSet<String>,
    /// What the relay has to deliver.
    pub outbox: Vec<Outgoing>,
    /// How long apps' calls have worked.
    pub operating: Operating,
    /// What happened.
    pub counters: Counters,
}

impl Portal {
    /// An empty portal with one administrator (user 1).
    pub fn new(
        member_id: impl Into<String>,
        domain: impl Into<String>,
        server_endpoint: impl Into<String>,
        clock: Clock,
    ) -> Self {
        let domain = domain.into();
        let admin = User {
            admin: true,
            name: "Admin".into(),
            ..User::default()
        };
        Self {
            member_id: member_id.into(),
            address: domain.clone(),
            https: false,
            domain,
            server_endpoint: server_endpoint.into(),
            clock,
            chance: Seeded::new(Settings::default().seed),
            settings: Settings::default(),
            users: BTreeMap::from([(1, admin)]),
            apps: IndexMap::new(),
            registry: Registry::default(),
            instances: BTreeMap::new(),
            workflows: HashMap::new(),
            event_handlers: Vec::new(),
            last_event_handler: 0,
            timeouts: BTreeMap::new(),
            seeded_tokens: HashSet::new(),
            outbox: Vec::new(),
            operating: Operating::default(),
            counters: Counters::default(),
        }
    }

    /// Changes the switches and what hangs on them.
    pub fn set(&mut self, settings: Settings) {
        if settings.seed != self.settings.seed {
            self.chance = Seeded::new(settings.seed);
        }
        self.clock.set_apart(settings.clock_offset_ms);
        self.settings = settings;
    }

    /// Scheme and host by which apps reach it.
    pub fn origin(&self) -> String {
        names::origin(self.https, &self.address)
    }

    /// `client_endpoint`: where the portal's REST is.
    pub fn client_endpoint(&self) -> String {
        format!("{}/rest/", self.origin())
    }

    /// Puts a post into the outbox.
    pub fn send(&mut self, item: Outgoing) {
        self.counters.posts_queued += 1;
        self.outbox.push(item);
    }
}
