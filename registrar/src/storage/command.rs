//! What the store can be asked to write.

use jiff::Timestamp;
use proto::registrar::v1::InstallationState as State;

use super::{Key, Registration, StoredRevision, Taken, TokenDigest};

/// A write, as a plain value. [`Storage`](super::Storage) has a method for each, which says what it does.
pub(super) enum Command {
    Adopt(Box<(Key, Adoption, SealedCredentials)>),
    Learn(Key, TokenDigest),
    Refreshed {
        key: Key,
        credentials: SealedCredentials,
        endpoint: Option<String>,
        at: Timestamp,
    },
    Doubt(Key, String, Timestamp),
    SetState(Key, State, String),
    SetEndpoint(Key, String),
    Uninstall(Key),
    Reconciled(Key, i64, Outcome),
    PutRegistrations(Key, Vec<Registration>),
    DeleteRegistrations(Key, Vec<String>),
    MakeCurrent(StoredRevision, Timestamp),
    PruneRevisions(Timestamp),
    RememberEvent {
        app: String,
        event_id: String,
        taken: Taken,
        at: Timestamp,
    },
    Tidy {
        events: Timestamp,
        spent: Timestamp,
    },
}

/// What a proved request tells of an installation whose credentials are taken.
pub(crate) struct Adoption {
    pub(crate) client_endpoint: String,
    pub(crate) oauth_host: String,
    pub(crate) user_id: i64,
    /// Whether that user may register activities.
    pub(crate) administrator: bool,
    pub(crate) state: State,
    pub(crate) application_token: Option<TokenDigest>,
    pub(crate) at: Timestamp,
}

/// Credentials as they are stored.
pub(crate) struct SealedCredentials {
    /// Encrypted.
    pub(crate) sealed: Vec<u8>,
    /// Of the refresh token, if there is one.
    pub(crate) refresh_token: Option<TokenDigest>,
}

/// How a reconciliation ended.
pub(crate) struct Outcome {
    pub(crate) state: State,
    pub(crate) problem: String,
    pub(crate) administrator_lost: bool,
    pub(crate) bound: String,
    /// Whether everything was updated blindly.
    pub(crate) updated_all: bool,
    pub(crate) at: Timestamp,
}
