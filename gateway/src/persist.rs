//! What the gateway keeps: jobs, events, the last snapshot of definitions.

pub(crate) mod events;
pub(crate) mod insert;
pub(crate) mod load;
pub(crate) mod mark;
pub(crate) mod meta;
pub(crate) mod quarantine;
pub(crate) mod retention;
mod row;
pub(crate) mod view;

pub(crate) use row::StoredJob;

/// A job's number in the store; grows in the order of acceptance.
pub(crate) type RowId = i64;

/// The schema's versions: append, never edit.
pub(crate) const MIGRATIONS: &[&str] = &[include_str!("persist/schema_1.sql")];

#[cfg(test)]
mod tests;
