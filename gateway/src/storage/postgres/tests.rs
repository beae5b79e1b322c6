//! PostgreSQL under the contract's tests, and what is its own: its query plans.

use harness::postgres;

use crate::{
    config,
    storage::{
        RowId, Storage,
        tests::{Engine, Fault},
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
        Storage::open(&store).await.unwrap()
    }

    fn secrets(&self, row: RowId) -> (Option<Vec<u8>>, String) {
        let columns = "coalesce(encode(payload, 'hex'), 'erased') || ' ' || event_token";
        let row = self
            .0
            .sql(&format!("SELECT {columns} FROM gateway.jobs WHERE id = {row}"));
        let (payload, token) = row.trim_end_matches('\n').split_once(' ').unwrap();
        let payload = (payload != "erased").then(|| data_encoding::HEXLOWER.decode(payload.as_bytes()).unwrap());
        (payload, token.to_owned())
    }

    fn break_jobs(&self, code: &str, fault: Fault) {
        let state = match fault {
            Fault::Command => "22000",
            // The disk is full.
            Fault::Group => "53100",
        };
        self.0.sql(&format!(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE SQLSTATE '{state}' USING MESSAGE = 'broken on purpose'; END $$; \
             CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON gateway.jobs FOR EACH ROW WHEN (NEW.code = '{code}') \
             EXECUTE FUNCTION broken()"
        ));
    }

    fn mend(&self) {
        self.0.sql("DROP FUNCTION broken CASCADE");
    }
}
