//! Living workflows, as the portal lists them.

/// A row of the table of living workflows. Times are unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Workflow id.
    pub id: String,
    /// Document's module.
    pub module_id: String,
    /// Document's entity class.
    pub entity: String,
    /// Document's id.
    pub document_id: String,
    /// Template.
    pub template_id: i64,
    /// Start.
    pub started: i64,
    /// Who started it.
    pub started_by: i64,
    /// Internal status.
    pub status: i64,
    /// Last save.
    pub modified: i64,
    /// Holder of the lock: one id for each PHP process.
    pub owner_id: Option<String>,
    /// Time of locking + 300 s; never consulted.
    pub owned_until: Option<i64>,
}
