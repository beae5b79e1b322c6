//! What can be read of the store.

use std::sync::Arc;

use store::StoreError;

use super::{Due, Filter, HistoryEntry, JobView, Line, Place, QuarantinedJob, RowId, StoredEvent, Waiting};
use crate::job::Millis;

/// Whether this process has the job in memory.
pub(crate) type IsHeld = Box<dyn Fn(RowId) -> bool + Send>;

/// The reads of an engine. Each sees everything that was acknowledged before it began.
#[tonic::async_trait]
pub(crate) trait Reads: Send + Sync {
    /// Every line of accepted, unsent or sent jobs that wait, with the time of the first; of one app and portal, or of all.
    async fn lines(&self, of: Option<(String, String)>) -> Result<Vec<(Line, Millis)>, StoreError>;

    /// Up to `limit` jobs of a line that are due at `now`, earliest first, behind a place, without those that are held.
    async fn due(
        &self,
        line: Arc<Line>,
        now: Millis,
        limit: usize,
        behind: Option<Place>,
        is_held: IsHeld,
    ) -> Result<Due, StoreError>;

    /// The newest job's number; 0 when there is none.
    async fn newest(&self) -> Result<RowId, StoreError>;

    /// The last snapshot, as the registrar sent it.
    async fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` quarantined jobs that are due at `now`, earliest first.
    async fn quarantined(&self, now: Millis, limit: u32) -> Result<Vec<QuarantinedJob>, StoreError>;

    /// When the next quarantined job is due.
    async fn next_quarantined(&self) -> Result<Option<Millis>, StoreError>;

    /// Up to `limit` events that are due at `now`, in the order of their arrival.
    async fn events(&self, now: Millis, limit: u32) -> Result<Vec<StoredEvent>, StoreError>;

    /// When the next event is due.
    async fn next_event(&self) -> Result<Option<Millis>, StoreError>;

    /// Some of the finished jobs last changed before `before`. The newest job is never among them, so that ids don't come
    /// twice. The search ends at the first job that was accepted since.
    async fn old(&self, before: Millis) -> Result<Vec<RowId>, StoreError>;

    /// The job with this id, for a person.
    async fn job(&self, id: String) -> Result<Option<JobView>, StoreError>;

    /// Jobs for a person, newest first.
    async fn jobs(&self, filter: Filter) -> Result<Vec<JobView>, StoreError>;

    /// What people did with a job, newest first; the last 20 at most.
    async fn history(&self, row: RowId) -> Result<Vec<HistoryEntry>, StoreError>;

    /// How many jobs wait in the store, by state.
    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError>;
}
