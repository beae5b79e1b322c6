//! Opening the file: exclusive use, permissions, the settings of a connection.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::error::{self, open as cannot};
use crate::StoreError;

/// Longest wait for a lock that a program outside holds (a backup, a shell).
const BUSY: Duration = Duration::from_secs(5);
/// Frames in the write-ahead log before a checkpoint; of those tried this had the best p99 of a commit.
const CHECKPOINT_FRAMES: u32 = 10_000;
/// What the write-ahead log is cut to after a checkpoint, so that one burst does not keep the disk.
const WAL_BYTES: u32 = 64 * 1024 * 1024;
/// Distinct statements kept prepared; a service has some dozens.
const STATEMENTS: usize = 64;

/// Takes the store for this process. SQLite's own exclusive mode would lock out our readers, so it is a file beside.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let file = private().open(&beside).map_err(|reason| cannot(path, &reason))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            store: error::name(path),
        }),
        Err(TryLockError::Error(reason)) => Err(cannot(path, &reason)),
    }
}

/// The connection that writes; creates the file, readable by its owner alone.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    private().open(path).map_err(|reason| cannot(path, &reason))?;
    let db = connect(path)?;
    (|| {
        db.pragma_update(None, "page_size", 4096)?;
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_FRAMES, |_| Ok(()))?;
        db.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))
    })()
    .map_err(|reason| cannot(path, &reason))?;
    Ok(db)
}

/// A connection that reads.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let db = connect(path)?;
    db.pragma_update(None, "query_only", true)
        .map_err(|reason| cannot(path, &reason))?;
    Ok(db)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(db)
    };
    open().map_err(|reason: rusqlite::Error| cannot(path, &reason))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
