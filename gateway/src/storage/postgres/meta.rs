//! Single values.

use store::postgres::{Connection, Error};

use crate::storage::RowId;

async fn get(db: &Connection, name: &str) -> Result<Option<Vec<u8>>, Error> {
    db.value("SELECT value FROM gateway.meta WHERE name = $1", &[&name])
        .await
}

async fn set(db: &Connection, name: &str, value: &[u8]) -> Result<usize, Error> {
    let sql = "INSERT INTO gateway.meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.execute(sql, &[&name, &value]).await
}

/// The last snapshot, as the registrar sent it.
pub(super) async fn snapshot(db: &Connection) -> Result<Option<Vec<u8>>, Error> {
    get(db, "snapshot").await
}

pub(super) async fn set_snapshot(db: &Connection, snapshot: &[u8]) -> Result<usize, Error> {
    set(db, "snapshot", snapshot).await
}

/// All jobs with a smaller id and no `next_attempt` are over.
pub(super) async fn settled(db: &Connection) -> Result<RowId, Error> {
    let value = get(db, "settled").await?;
    Ok(value
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, RowId::from_be_bytes))
}

pub(super) async fn set_settled(db: &Connection, row: RowId) -> Result<usize, Error> {
    set(db, "settled", &row.to_be_bytes()).await
}
