//! Definitions: read from executors, checked, pinned as revisions.

mod catalog;
mod file;
mod reflection;
mod source;
mod watch;

pub use self::source::reflect;
pub(crate) use self::{
    catalog::{Catalog, Current, Problem},
    watch::watch,
};

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
