//! A service's hold on its database: one process writes.

use std::time::Duration;

use tokio_postgres::Error;

use super::Connection;

/// The end of a process that held the database is noticed by the server within so many tries.
const TRIES: usize = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// Takes the service's database for this connection, as long as that lives; false when another one has it.
pub(super) async fn take(db: &Connection, schema: &str) -> Result<bool, Error> {
    // So that a holder whose machine is gone is noticed.
    db.batch("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3")
        .await?;
    for _ in 0..TRIES {
        let sql = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";
        let row = db.first(sql, &[&format!("bizproc.{schema}")]).await?;
        if row.is_some_and(|row| row.get(0)) {
            return Ok(true);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(false)
}
