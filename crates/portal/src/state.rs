//! One emulated portal: its users, apps, registered activities and workflows.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    app::AppRow, clock::Clock, counters::Counters, https, registry::Registry, relay::Outgoing, workflow::Workflow,
};

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
    /// Behaviour that differs between portals.
    pub settings: Settings,
    /// By id; 1 is the administrator.
    pub users: BTreeMap<u64, User>,
    /// Installed apps by `client_id`, in order of installation.
    pub apps: IndexMap<String, AppRow>,
    /// Activities, robots, placements.
    pub registry: Registry,
    /// Instance rows of living workflows, by id: what `bizproc.workflow.instances` reads.
    pub instances: BTreeMap<String, InstanceRow>,
    /// All workflows ever started, by id; a finished one has no instance row any more.
    pub workflows: HashMap<String, Workflow>,
    /// `event.bind` rows.
    pub event_handlers: Vec<EventHandler>,
    /// Number of the newest of them; no number is given twice.
    pub last_event_handler: u64,
    /// Waiting steps by deadline (unix microseconds), workflow and activity name.
    pub timeouts: BTreeMap<(i64, String, String), String>,
    /// Event tokens that count as signed although another portal's key signed them.
    pub seeded_tokens: crate::workflow::token::Seeded,
    /// What the relay has to deliver.
    pub outbox: Vec<Outgoing>,
    /// What happened.
    pub counters: Counters,
}

/// Switches of a portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Settings {
    /// `signer_default_key` option: event tokens are signed with it.
    pub signer_default_key: String,
    /// `crypto_key` of the kernel's settings.
    pub crypto_key: String,
    /// The server's offset to UTC, seconds.
    pub zone_offset: i32,
    /// Site culture's date and time format.
    pub culture: String,
    /// Whether users' zones count.
    pub use_time_zones: bool,
    /// Whether the proactive filter is on.
    pub security_filter: bool,
    /// Whether the plan has business processes.
    pub bizproc: bool,
    /// How `event.send` answers.
    pub event_send: EventSend,
    /// How long a hit that resumes a workflow keeps its lock, milliseconds.
    pub lock_hold_ms: u64,
    /// How many of the coming answers lose their save to a second hit that overwrote the lock, as the server's lock allows: the
    /// next step's callback has left by then, and its event token is dead.
    pub lost_saves: u64,
    /// Whether the leaky bucket of 50 calls, 2 a second, per source address is on.
    pub limiter: bool,
    /// Whether the frame's body has the fields of newer portals: `SERVER_ENDPOINT`, `APPLICATION_TOKEN`, `APPLICATION_SCOPE`.
    pub frame_extras: bool,
    /// Whether events have the fields of 2017 only: no `ACTIVE`, `INSTALLED`, `expires`, no number of the handler, no endpoints.
    pub old_events: bool,
    /// Whether events' names come in lower case, as some dumps have them.
    pub lower_case_events: bool,
    /// Whether an installation and an update delete the app's ONAPPINSTALL handlers, as rest 26.800 does: only an app without UI
    /// gets its built-in one back.
    pub sync_install_handlers: bool,
    /// Language of the portal, `LANG` and `LANGUAGE_ID`.
    pub language: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signer_default_key: "0123456789abcdef0123456789abcdef".into(),
            crypto_key: "00112233445566778899aabbccddeeff".into(),
            zone_offset: 0,
            culture: "DD.MM.YYYY HH:MI:SS".into(),
            use_time_zones: false,
            security_filter: false,
            bizproc: true,
            event_send: EventSend::Async2026,
            lock_hold_ms: 0,
            lost_saves: 0,
            limiter: false,
            frame_extras: true,
            old_events: false,
            lower_case_events: false,
            sync_install_handlers: false,
            language: "en".into(),
        }
    }
}

/// Generations of `bizproc.event.send`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventSend {
    /// `true` for every signed token, the work in a background job (since module version 25.1150).
    #[serde(rename = "async-2026")]
    Async2026,
    /// The work first; 400 `"404"` or `"423"` when there is no workflow or it is locked.
    #[serde(rename = "sync-2025")]
    Sync2025,
}

/// A user of the portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// Administrator.
    pub admin: bool,
    /// False = fired: their tokens give `authorization_error`.
    pub active: bool,
    /// First name.
    pub name: String,
    /// Last name.
    pub last_name: String,
    /// Name of the user's zone, empty = the portal's.
    pub time_zone: String,
    /// Offset of that zone to the server's, seconds.
    pub zone_offset: i32,
}

impl Default for User {
    fn default() -> Self {
        Self {
            admin: false,
            active: true,
            name: "User".into(),
            last_name: String::new(),
            time_zone: String::new(),
            zone_offset: 0,
        }
    }
}

/// A row of the table of living workflows. Times are unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Workflow id.
    pub id: String,
    /// Document's module.
    pub module_id: String,
    /// Document's entity class.
    pub entity: String,
    /// Document's id.
    pub document_id: String,
    /// Template.
    pub template_id: i64,
    /// Start.
    pub started: i64,
    /// Who started it.
    pub started_by: i64,
    /// Internal status.
    pub status: i64,
    /// Last save.
    pub modified: i64,
    /// Holder of the lock: one id for each PHP process.
    pub owner_id: Option<String>,
    /// Time of locking + 300 s; never consulted.
    pub owned_until: Option<i64>,
}

/// A row of `event.bind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHandler {
    /// Row id: `event_handler_id` of the event's body.
    pub id: u64,
    /// App.
    pub client_id: String,
    /// Upper-case event name.
    pub event: String,
    /// URL.
    pub handler: String,
    /// User whose tokens are sent; 0 = the one who acted.
    pub auth_type: u64,
    /// Bound by the portal itself at install (an API-only app's install event).
    pub built_in: bool,
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
            counters: Counters::default(),
        }
    }

    /// Scheme and host by which apps reach it.
    pub fn origin(&self) -> String {
        https::origin(self.https, &self.address)
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
