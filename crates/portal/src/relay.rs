//! The relay: what the portal would POST to an app.

/// One item for the relay.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// App it is for.
    pub client_id: String,
}
