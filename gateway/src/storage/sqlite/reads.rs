//! The reads.

use std::sync::Arc;

use store::{StoreError, sqlite};

use super::{events, intervene, load, meta, quarantine, retention, view};
use crate::{
    job::Millis,
    storage::{
        Due, Filter, HistoryEntry, JobView, Line, Place, QuarantinedJob, Reads, RowId, StoredEvent, Waiting,
        reads::IsHeld,
    },
};

#[tonic::async_trait]
impl Reads for sqlite::Reads {
    async fn lines(&self, of: Option<(String, String)>) -> Result<Vec<(Line, Millis)>, StoreError> {
        self.read(move |db| load::lines(db, of.as_ref())).await
    }

    async fn due(
        &self,
        line: Arc<Line>,
        now: Millis,
        limit: usize,
        behind: Option<Place>,
        is_held: IsHeld,
    ) -> Result<Due, StoreError> {
        self.read(move |db| load::due(db, &line, now, limit, behind, is_held))
            .await
    }

    async fn newest(&self) -> Result<RowId, StoreError> {
        self.read(load::newest).await
    }

    async fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(meta::snapshot).await
    }

    async fn quarantined(&self, now: Millis, limit: u32) -> Result<Vec<QuarantinedJob>, StoreError> {
        self.read(move |db| quarantine::due(db, now, limit)).await
    }

    async fn next_quarantined(&self) -> Result<Option<Millis>, StoreError> {
        self.read(quarantine::next).await
    }

    async fn events(&self, now: Millis, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(move |db| events::due(db, now, limit)).await
    }

    async fn next_event(&self) -> Result<Option<Millis>, StoreError> {
        self.read(events::next).await
    }

    async fn old(&self, before: Millis) -> Result<Vec<RowId>, StoreError> {
        self.read(move |db| retention::old(db, before)).await
    }

    async fn job(&self, id: String) -> Result<Option<JobView>, StoreError> {
        self.read(move |db| view::get(db, &id)).await
    }

    async fn jobs(&self, filter: Filter) -> Result<Vec<JobView>, StoreError> {
        self.read(move |db| view::list(db, &filter)).await
    }

    async fn history(&self, row: RowId) -> Result<Vec<HistoryEntry>, StoreError> {
        self.read(move |db| intervene::history(db, row)).await
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        self.read(view::waiting).await
    }
}
