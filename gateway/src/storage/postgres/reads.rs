//! The reads.

use std::sync::Arc;

use store::{StoreError, postgres};

use super::{events, intervene, load, meta, quarantine, retention, view};
use crate::{
    job::Millis,
    storage::{
        Due, Filter, HistoryEntry, JobView, Line, Place, QuarantinedJob, Reads, RowId, StoredEvent, Waiting,
        reads::IsHeld,
    },
};

#[tonic::async_trait]
impl Reads for postgres::Reads {
    async fn lines(&self, of: Option<(String, String)>) -> Result<Vec<(Line, Millis)>, StoreError> {
        let db = self.lend().await?;
        db.run(load::lines(&db, of)).await
    }

    async fn due(
        &self,
        line: Arc<Line>,
        now: Millis,
        limit: usize,
        behind: Option<Place>,
        is_held: IsHeld,
    ) -> Result<Due, StoreError> {
        let db = self.lend().await?;
        db.run(load::due(&db, &line, now, limit, behind, is_held)).await
    }

    async fn newest(&self) -> Result<RowId, StoreError> {
        let db = self.lend().await?;
        db.run(load::newest(&db)).await
    }

    async fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let db = self.lend().await?;
        db.run(meta::snapshot(&db)).await
    }

    async fn quarantined(&self, now: Millis, limit: u32) -> Result<Vec<QuarantinedJob>, StoreError> {
        let db = self.lend().await?;
        db.run(quarantine::due(&db, now, limit)).await
    }

    async fn next_quarantined(&self) -> Result<Option<Millis>, StoreError> {
        let db = self.lend().await?;
        db.run(quarantine::next(&db)).await
    }

    async fn events(&self, now: Millis, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let db = self.lend().await?;
        db.run(events::due(&db, now, limit)).await
    }

    async fn next_event(&self) -> Result<Option<Millis>, StoreError> {
        let db = self.lend().await?;
        db.run(events::next(&db)).await
    }

    async fn old(&self, before: Millis) -> Result<Vec<RowId>, StoreError> {
        let db = self.lend().await?;
        db.run(retention::old(&db, before)).await
    }

    async fn job(&self, id: String) -> Result<Option<JobView>, StoreError> {
        let db = self.lend().await?;
        db.run(view::get(&db, &id)).await
    }

    async fn jobs(&self, filter: Filter) -> Result<Vec<JobView>, StoreError> {
        let db = self.lend().await?;
        db.run(view::list(&db, &filter)).await
    }

    async fn history(&self, row: RowId) -> Result<Vec<HistoryEntry>, StoreError> {
        let db = self.lend().await?;
        db.run(intervene::history(&db, row)).await
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        let db = self.lend().await?;
        db.run(view::waiting(&db)).await
    }
}
