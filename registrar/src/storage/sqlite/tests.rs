//! SQLite under the contract's tests, and what is its own: stores of earlier versions.

use store::sqlite::{Commands, rusqlite::Connection};
use tempfile::TempDir;

use super::Registrar;
use crate::{
    config,
    storage::{
        Key, Storage,
        tests::{Broken, Engine, Fault},
    },
};

/// A file of its own.
pub(crate) struct File(TempDir);

impl File {
    /// A connection beside the store's own.
    fn shell(&self) -> Connection {
        Connection::open(self.0.path().join("registrar.db")).unwrap()
    }
}

impl Engine for File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> Storage {
        let store = config::Store {
            path: self.0.path().join("registrar.db"),
            ..config::Store::default()
        };
        Storage::open(&store).await.unwrap()
    }

    fn break_writes(&self, of: Broken<'_>, fault: Fault) {
        let (table, column, value) = match of {
            Broken::Installation(member_id) => ("installations", "member_id", member_id),
            Broken::Registration(code) => ("registrations", "code", code),
            Broken::Revision(name) => ("revisions", "revision", name),
        };
        let raise = match fault {
            Fault::Command => "ABORT",
            Fault::Group => "ROLLBACK",
        };
        for event in ["INSERT", "UPDATE"] {
            let trigger = format!(
                "CREATE TRIGGER broken_{event} BEFORE {event} ON {table} WHEN NEW.{column} = '{value}'
                 BEGIN SELECT RAISE({raise}, 'broken on purpose'); END"
            );
            self.shell().execute_batch(&trigger).unwrap();
        }
    }

    fn mend(&self) {
        self.shell()
            .execute_batch("DROP TRIGGER broken_INSERT; DROP TRIGGER broken_UPDATE")
            .unwrap();
    }
}

#[tokio::test]
async fn a_store_of_the_first_version_is_taken_over() {
    let file = File::new();
    let shell = file.shell();
    shell.execute_batch(Registrar::MIGRATIONS[0]).unwrap();
    shell
        .execute_batch(
            "INSERT INTO installations VALUES ('demo', 'm', 'e', 'o', 7, 1, x'01', x'', 10, 11, 0, 'b', NULL, NULL, 'p');
             PRAGMA user_version = 1",
        )
        .unwrap();
    drop(shell);
    let key = Key {
        app: "demo".into(),
        member_id: "m".into(),
    };
    let stored = file.open().await.reads().installation(key).await.unwrap();
    let (installation, sealed) = stored.unwrap();
    assert_eq!((installation.user_id, installation.bound.as_str()), (7, "b"));
    assert_eq!((installation.adoptions, sealed), (0, Some(vec![1])));
}
