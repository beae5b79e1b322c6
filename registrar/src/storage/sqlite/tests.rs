//! SQLite under the contract's tests.

use store::sqlite::rusqlite::Connection;
use tempfile::TempDir;

use crate::storage::{Storage, tests::Engine};

/// A file of its own.
pub(crate) struct File(TempDir);

impl Engine for File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Storage {
        Storage::sqlite(&self.0.path().join("registrar.db")).unwrap()
    }

    fn break_registrations(&self, code: &str) {
        let trigger = format!(
            "CREATE TRIGGER broken BEFORE INSERT ON registrations WHEN NEW.code = '{code}'
             BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END"
        );
        let shell = Connection::open(self.0.path().join("registrar.db")).unwrap();
        shell.execute_batch(&trigger).unwrap();
    }
}
