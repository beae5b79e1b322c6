//! Bound events.

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
