//! Workflows.

/// One workflow.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Id.
    pub id: String,
}
