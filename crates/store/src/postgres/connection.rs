//! A connection with its prepared statements.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio_postgres::{
    Client, Error, Row, Statement,
    types::{FromSql, ToSql},
};

/// Values of a statement, in the order of its `$1`, `$2`, …
pub type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection. A statement is prepared when it is first used, and again after 1, 2, 4, … uses: the server plans it for the
/// tables as they are then, and what was planned for an empty table would read all of a large one.
pub struct Connection {
    client: Client,
    statements: Mutex<HashMap<&'static str, Prepared>>,
}

struct Prepared {
    statement: Statement,
    uses: u64,
}

impl Connection {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            statements: Mutex::default(),
        }
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// It failed, or the connection is gone.
    pub async fn query(&self, sql: &'static str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        self.client.query(&self.prepare(sql).await?, values).await
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`Connection::query`].
    pub async fn first(&self, sql: &'static str, values: Values<'_>) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// The first column of the first row, unless that is NULL or there is none.
    ///
    /// # Errors
    /// As [`Connection::query`].
    pub async fn value<T>(&self, sql: &'static str, values: Values<'_>) -> Result<Option<T>, Error>
    where
        T: for<'a> FromSql<'a>,
    {
        let row = self.first(sql, values).await?;
        row.map_or(Ok(None), |row| row.try_get(0))
    }

    /// Does a statement; gives how many rows it changed.
    ///
    /// # Errors
    /// As [`Connection::query`].
    pub async fn execute(&self, sql: &'static str, values: Values<'_>) -> Result<usize, Error> {
        let changed = self.client.execute(&self.prepare(sql).await?, values).await?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// The rows of a statement that was composed: it is not kept.
    ///
    /// # Errors
    /// As [`Connection::query`].
    pub async fn query_composed(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        self.client.query(sql, values).await
    }

    /// Statements without values, one after another.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).await
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    async fn prepare(&self, sql: &'static str) -> Result<Statement, Error> {
        if let Some(prepared) = self.statements.lock().get_mut(sql) {
            prepared.uses += 1;
            if !prepared.uses.is_power_of_two() {
                return Ok(prepared.statement.clone());
            }
        }
        let statement = self.client.prepare(sql).await?;
        let mut statements = self.statements.lock();
        let prepared = statements.entry(sql).or_insert_with(|| Prepared {
            statement: statement.clone(),
            uses: 0,
        });
        prepared.statement = statement.clone();
        Ok(statement)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
