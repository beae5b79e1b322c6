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
        storage.taken().await;
        storage
    }

    fn break_writes(&self, of: Broken<'_>, fault: Fault) {
        let (table, column, value) = match of {
            Broken::Installation(member_id) => ("installations", "member_id", member_id),
            Broken::Registration(code) => ("registrations", "code", code),
            Broken::Revision(name) => ("revisions", "revision", name),
        };
        let state = match fault {
            Fault::Command => "22000",
            // The disk is full.
            Fault::Group => "53100",
        };
        self.0.sql(&format!(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE SQLSTATE '{state}' USING MESSAGE = 'broken on purpose'; END $$; \
             CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON registrar.{table} FOR EACH ROW WHEN (NEW.{column} = '{value}') \
             EXECUTE FUNCTION broken()"
        ));
    }

    fn mend(&self) {
        self.0.sql("DROP FUNCTION broken CASCADE");
    }
}
