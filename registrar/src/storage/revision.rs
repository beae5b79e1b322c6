//! Pinned sets of definitions.

/// A pinned set of definitions, in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRevision {
    pub(crate) app: String,
    pub(crate) executor: String,
    pub(crate) revision: String,
    /// Encoded `FileDescriptorSet`.
    pub(crate) descriptors: Vec<u8>,
    pub(crate) current: bool,
}
