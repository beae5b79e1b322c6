//! Lifecycle events on their way to the registrar.

use super::RowId;
use crate::job::Millis;

/// An event to be stored.
pub(crate) struct NewEvent {
    /// SHA-256 of app and body: the same POST twice is one event.
    pub(crate) digest: [u8; 32],
    pub(crate) app: String,
    pub(crate) event: String,
    /// The whole body, encrypted.
    pub(crate) sealed: Vec<u8>,
    pub(crate) received: Millis,
    /// The address that it came from.
    pub(crate) source: String,
}

/// An event read back.
pub(crate) struct StoredEvent {
    pub(crate) row: RowId,
    pub(crate) digest: [u8; 32],
    pub(crate) app: String,
    pub(crate) event: String,
    pub(crate) sealed: Vec<u8>,
    pub(crate) received: Millis,
    pub(crate) attempts: u32,
    pub(crate) source: String,
}
