//! The reads.

use store::{StoreError, sqlite};

use super::{events, installations, registrations, revisions};
use crate::storage::{
    Installation, Key, Registration, StoredRevision, Taken, TokenDigest,
    reads::{Reads, StoredInstallation},
};

#[tonic::async_trait]
impl Reads for sqlite::Reads {
    async fn installation(&self, key: Key) -> Result<Option<StoredInstallation>, StoreError> {
        self.read(move |db| installations::get(db, &key)).await
    }

    async fn installations(&self, app: Option<String>) -> Result<Vec<Installation>, StoreError> {
        self.read(move |db| installations::list(db, app.as_deref())).await
    }

    async fn any_with_credentials(&self) -> Result<Option<StoredInstallation>, StoreError> {
        self.read(installations::any_with_credentials).await
    }

    async fn is_spent(&self, refresh_token: TokenDigest) -> Result<bool, StoreError> {
        self.read(move |db| installations::is_spent(db, refresh_token)).await
    }

    async fn registrations(&self, key: Key) -> Result<Vec<Registration>, StoreError> {
        self.read(move |db| registrations::list(db, &key)).await
    }

    async fn revisions(&self) -> Result<Vec<StoredRevision>, StoreError> {
        self.read(revisions::list).await
    }

    async fn event(&self, app: String, event_id: String) -> Result<Option<Taken>, StoreError> {
        self.read(move |db| events::get(db, &app, &event_id)).await
    }
}
