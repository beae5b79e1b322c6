//! A service's hold on its database: one process writes.

use std::time::Duration;

use tokio_postgres::Error;

use super::Connection;

/// How long the end of a process that held the database may take to be noticed by the server.
const PATIENCE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(100);

/// Takes the service's database for this connection, as long as that lives; false when another one has it.
pub(super) async fn take(db: &Connection, schema: &str) -> Result<bool, Error> {
    // So that a holder whose machine is gone is noticed.
    db.batch("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3")
        .await?;
    let waited = tokio::time::Instant::now();
    loop {
        let sql = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";
        let row = db.first(sql, &[&format!("bizproc.{schema}")]).await?;
        if row.is_some_and(|row| row.get(0)) {
            return Ok(true);
        }
        if waited.elapsed() > PATIENCE {
            return Ok(false);
        }
        tokio::time::sleep(AGAIN).await;
    }
}
