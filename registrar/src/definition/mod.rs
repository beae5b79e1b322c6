//! Definitions: read from executors, checked, pinned as revisions.

mod catalog;
mod file;
mod reflection;
mod revisions;
mod source;
mod watch;

pub use self::source::reflect;
pub(crate) use self::{
    catalog::{Catalog, Current, Problem},
    revisions::{Revisions, StoredRevision},
    watch::watch,
};
