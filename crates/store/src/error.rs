//! What goes wrong with a store, told to people.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::ErrorCode;

/// A failure of the store: what, where, what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The file can't be opened or created.
    #[error("cannot open the store {path}: {reason}; check that its folder exists and that this user may write there")]
    Open {
        /// The store's file.
        path: PathBuf,
        /// What the system or SQLite says.
        reason: String,
    },
    /// Another process (or another `Db` of this one) holds the store.
    #[error("the store {path} is in use by another process; stop that one, or give this one a `store.path` of its own")]
    InUse {
        /// The store's file.
        path: PathBuf,
    },
    /// A newer version of the program wrote it.
    #[error(
        "the store {path} has schema version {found}, but this program knows only {known}: a newer version wrote it; run that version, or start with another file"
    )]
    Newer {
        /// The store's file.
        path: PathBuf,
        /// Its schema version.
        found: usize,
        /// The newest that the program knows.
        known: usize,
    },
    /// A migration failed; the store is as it was.
    #[error("cannot bring the store {path} to schema version {to}: {reason}; it was left at version {from}")]
    Migrate {
        /// The store's file.
        path: PathBuf,
        /// Version before.
        from: usize,
        /// Version wanted.
        to: usize,
        /// What SQLite says.
        reason: Arc<rusqlite::Error>,
    },
    /// The store can't commit now: nothing of the group was written.
    #[error("cannot write to the store {path}: {reason}; {}", advice(reason))]
    Unavailable {
        /// The store's file.
        path: PathBuf,
        /// What SQLite says.
        reason: Arc<rusqlite::Error>,
    },
    /// A statement of this write or read failed; others are not affected.
    #[error("a statement on the store {path} failed: {reason}")]
    Statement {
        /// The store's file.
        path: PathBuf,
        /// What SQLite says.
        reason: Arc<rusqlite::Error>,
    },
    /// The code of a write panicked; nothing of its group was written.
    #[error("a write to the store {path} panicked, its group was rolled back")]
    Panicked {
        /// The store's file.
        path: PathBuf,
    },
    /// The store was closed, or the runtime that releases its writes is gone.
    #[error("the store {path} is closed")]
    Closed {
        /// The store's file.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn statement(path: &Path, reason: rusqlite::Error) -> Self {
        Self::Statement {
            path: path.to_owned(),
            reason: Arc::new(reason),
        }
    }

    pub(crate) fn unavailable(path: &Path, reason: rusqlite::Error) -> Self {
        Self::Unavailable {
            path: path.to_owned(),
            reason: Arc::new(reason),
        }
    }

    pub(crate) fn closed(path: &Path) -> Self {
        Self::Closed { path: path.to_owned() }
    }
}

/// Errors after which nothing else of the transaction can be trusted or will succeed.
pub(crate) fn spoils_group(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
        )
    )
}

fn advice(reason: &rusqlite::Error) -> &'static str {
    match reason.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full: make room, writing goes on by itself",
        Some(ErrorCode::SystemIoFailure) => "the disk reports an error: check it and the system's log",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged: stop, keep a copy, and restore a backup or run `sqlite3 FILE .recover`"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "check the permissions of the file and its folder"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds a write lock on the file: end it (a backup tool, an open sqlite3 shell)"
        }
        _ => "see the reason",
    }
}
