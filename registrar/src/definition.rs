//! Definitions: read from executors, checked, pinned as revisions.

mod catalog;
mod error;
mod file;
mod reflection;
mod source;
mod watch;

pub use self::source::reflect;
pub(crate) use self::{
    catalog::{Catalog, Current, Problem},
    watch::watch,
};
