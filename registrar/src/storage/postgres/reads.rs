//! The reads.

use store::{StoreError, postgres};

use super::{events, installations, registrations, revisions};
use crate::storage::{
    Installation, Key, Registration, StoredRevision, Taken, TokenDigest,
    reads::{Reads, StoredInstallation},
};

#[tonic::async_trait]
impl Reads for postgres::Reads {
    async fn installation(&self, key: Key) -> Result<Option<StoredInstallation>, StoreError> {
        let db = self.lend().await?;
        db.run(installations::get(&db, &key)).await
    }

    async fn installations(&self, app: Option<String>) -> Result<Vec<Installation>, StoreError> {
        let db = self.lend().await?;
        db.run(installations::list(&db, app.as_deref())).await
    }

    async fn any_with_credentials(&self) -> Result<Option<StoredInstallation>, StoreError> {
        let db = self.lend().await?;
        db.run(installations::any_with_credentials(&db)).await
    }

    async fn is_spent(&self, refresh_token: TokenDigest) -> Result<bool, StoreError> {
        let db = self.lend().await?;
        db.run(installations::is_spent(&db, refresh_token)).await
    }

    async fn registrations(&self, key: Key) -> Result<Vec<Registration>, StoreError> {
        let db = self.lend().await?;
        db.run(registrations::list(&db, &key)).await
    }

    async fn revisions(&self) -> Result<Vec<StoredRevision>, StoreError> {
        let db = self.lend().await?;
        db.run(revisions::list(&db)).await
    }

    async fn event(&self, app: String, event_id: String) -> Result<Option<Taken>, StoreError> {
        let db = self.lend().await?;
        db.run(events::get(&db, &app, &event_id)).await
    }
}
