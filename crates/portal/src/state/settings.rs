//! Behaviour that differs between portals.

use serde::{Deserialize, Serialize};

use super::OperatingLimit;

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
    /// The same by chance: the percentage of answers that lose their save.
    pub lost_saves_percent: u64,
    /// Hits of others that take workflows' locks.
    pub others: Others,
    /// Where the chance of these mishaps begins; the same seed gives the same course.
    pub seed: u64,
    /// How far the portal's clock is ahead of the authorisation server's, milliseconds; behind, if negative.
    pub clock_offset_ms: i64,
    /// Whether the leaky bucket per source address is on.
    pub limiter: bool,
    /// Calls that fit into it at once: 50, on the plan Enterprise 250.
    pub limiter_burst: u32,
    /// Calls that leak out of it in a second: 2, on the plan Enterprise 5.
    pub limiter_per_second: u32,
    /// How long a method may work.
    pub operating: OperatingLimit,
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
            lost_saves_percent: 0,
            others: Others::default(),
            seed: 1,
            clock_offset_ms: 0,
            limiter: false,
            limiter_burst: 50,
            limiter_per_second: 2,
            operating: OperatingLimit::default(),
            frame_extras: true,
            old_events: false,
            lower_case_events: false,
            sync_install_handlers: false,
            language: "en".into(),
        }
    }
}

/// Hits of others: each takes the locks of some living workflows, holds them for a while and saves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Others {
    /// Milliseconds from the end of one hit to the next; 0 = none.
    pub every_ms: u64,
    /// Percentage of the workflows that nobody is in.
    pub percent: u64,
    /// Milliseconds that a hit holds them.
    pub hold_ms: u64,
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
