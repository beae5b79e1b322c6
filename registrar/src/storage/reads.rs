//! What can be read of the store.

use store::StoreError;

use super::{Installation, Key, Registration, StoredRevision, Taken, TokenDigest};

/// An installation, with its encrypted credentials unless they were erased.
pub(crate) type StoredInstallation = (Installation, Option<Vec<u8>>);

/// The reads of an engine. Each sees everything that was acknowledged before it began.
#[tonic::async_trait]
pub(crate) trait Reads: Send + Sync {
    /// One installation.
    async fn installation(&self, key: Key) -> Result<Option<StoredInstallation>, StoreError>;

    /// The installations of an app, or of all apps, by app and `member_id`.
    async fn installations(&self, app: Option<String>) -> Result<Vec<Installation>, StoreError>;

    /// Any installation that has credentials.
    async fn any_with_credentials(&self) -> Result<Option<StoredInstallation>, StoreError>;

    /// Whether a refresh token was taken or used before.
    async fn is_spent(&self, refresh_token: TokenDigest) -> Result<bool, StoreError>;

    /// The registrations of one portal, by code.
    async fn registrations(&self, key: Key) -> Result<Vec<Registration>, StoreError>;

    /// All revisions, by app, executor and age.
    async fn revisions(&self) -> Result<Vec<StoredRevision>, StoreError>;

    /// How a lifecycle event was taken when it came before.
    async fn event(&self, app: String, event_id: String) -> Result<Option<Taken>, StoreError>;
}
