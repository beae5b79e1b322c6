//! PostgreSQL under the contract's tests.

use harness::postgres;

use crate::{
    config,
    storage::{
        Storage,
        tests::{Broken, Engine, Fault},
    },
};

/// A database of its own.
pub(crate) struct Database(postgres::Database);

impl Engine for Database {
    fn new() -> Self {
        Self(postgres::database())
    }

    async fn open(&self) -> Storage {
        let store = config::Store {
            url: Some(self.0.url().parse().unwrap()),
            ..config::Store::default()
        };
        let storage = Storage::open(&store).await.unwrap();
        storage.work().taken().await;
        storage
    }

    fn break_writes(&self, of: Broken<'_>, fault: Fault) {
        let (table, column, value) = match of {
            Broken::Installation(member_id) => ("installations", "member_id", member_id),
            Broken::Registration(code) => ("registrations", "code", code),
            Broken::Revision(name) => ("revisions", "revision", name),
        };
        let state = match fault {
            Fault::Command => postgres::BAD_VALUE,
            Fault::Group => postgres::DISK_FULL,
        };
        self.0.break_writes(
            "INSERT OR UPDATE",
            &format!("registrar.{table}"),
            &format!("NEW.{column} = '{value}'"),
            state,
        );
    }

    fn mend(&self) {
        self.0.mend();
    }
}
