//! What goes wrong with a store, told to people.

use std::sync::Arc;

/// What people call a store: its file, or the URL of its database without user and password.
pub type StoreName = Arc<str>;

/// A failure of the store: what, where, what to do. `reason` is what the system or the engine says.
#[derive(Debug, Clone, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "the fields are named for what they hold, and the messages say it"
)]
pub enum StoreError {
    /// The store can't be opened or created.
    #[error("cannot open the store {store}: {reason}; check that its folder exists and that this user may write there")]
    Open { store: StoreName, reason: String },
    /// The database can't be reached or used.
    #[error("cannot use the store {store}: {reason}; {advice}")]
    Connect {
        store: StoreName,
        reason: String,
        advice: &'static str,
    },
    /// The database forgets what it has acknowledged when it crashes.
    #[error(
        "the store {store} has synchronous_commit = off: it loses callbacks when its server crashes; set it to on, or accept that by `store.allow_lossy_commits = true`"
    )]
    Lossy { store: StoreName },
    /// Another process (or another opening of this one) holds the store.
    #[error("the store {store} is in use by another process; stop that one, or give this one a store of its own")]
    InUse { store: StoreName },
    /// A newer version of the program wrote it.
    #[error(
        "the store {store} has schema version {found}, but this program knows only {known}: a newer version wrote it; run that version, or start with another store"
    )]
    Newer {
        store: StoreName,
        found: usize,
        known: usize,
    },
    /// A migration failed; the store is as it was.
    #[error("cannot bring the store {store} to schema version {to}: {reason}; it was left at version {from}")]
    Migrate {
        store: StoreName,
        from: usize,
        to: usize,
        reason: String,
    },
    /// The store can't commit now: nothing of the group was written.
    #[error("cannot write to the store {store}: {reason}; {advice}")]
    Unavailable {
        store: StoreName,
        reason: String,
        advice: &'static str,
    },
    /// A statement of this command or query failed; others are not affected.
    #[error("a statement on the store {store} failed: {reason}")]
    Statement { store: StoreName, reason: String },
    /// A write that belongs to the work was not made: another process has taken that over.
    #[error("another process has taken over the work on the store {store}")]
    TakenOver { store: StoreName },
    /// The code of a command panicked; nothing of its group was written.
    #[error("a write to the store {store} panicked, its group was rolled back")]
    Panicked { store: StoreName },
    /// The store was closed, or the runtime that releases its outcomes is gone.
    #[error("the store {store} is closed")]
    Closed { store: StoreName },
}
