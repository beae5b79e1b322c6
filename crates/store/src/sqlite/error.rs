//! SQLite's errors, told to people.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::{StoreError, StoreName};

pub(super) fn name(path: &Path) -> StoreName {
    path.display().to_string().into()
}

pub(super) fn open(path: &Path, reason: &dyn std::error::Error) -> StoreError {
    StoreError::Open {
        store: name(path),
        reason: reason.to_string(),
    }
}

pub(super) fn statement(store: &StoreName, reason: &rusqlite::Error) -> StoreError {
    StoreError::Statement {
        store: store.clone(),
        reason: reason.to_string(),
    }
}

pub(super) fn unavailable(store: &StoreName, reason: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable {
        store: store.clone(),
        reason: reason.to_string(),
        advice: advice(reason),
    }
}

/// Errors after which nothing else of the transaction can be trusted or will succeed.
pub(super) fn spoils_group(error: &rusqlite::Error) -> bool {
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
