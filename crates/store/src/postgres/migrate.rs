//! Schema versions: the number of migrations applied, in the service's table `schema_version`.

use tokio_postgres::Error;

use super::{Connection, error};
use crate::{StoreError, StoreName, schema::missing};

/// Applies what is missing, each migration in a transaction with its version. Processes that start together do it one after another.
pub(super) async fn migrate(
    db: &Connection,
    store: &StoreName,
    schema: &str,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let lock = |word| format!("SELECT pg_advisory_{word}(hashtextextended('bizproc.{schema}', 0))");
    let failed = |reason: Error| error::unusable(store, &reason);
    db.batch(&lock("lock")).await.map_err(failed)?;
    migrate_alone(db, store, schema, migrations).await?;
    db.batch(&lock("unlock")).await.map_err(failed)
}

async fn migrate_alone(
    db: &Connection,
    store: &StoreName,
    schema: &str,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let cannot = |from, to| {
        move |reason: Error| StoreError::Migrate {
            store: store.clone(),
            from,
            to,
            reason: error::text(&reason),
        }
    };
    let found = version(db, schema).await.map_err(cannot(0, migrations.len()))?;
    for (to, sql) in missing(store, found, migrations)? {
        let set = format!("UPDATE {schema}.schema_version SET version = {to}");
        let applied = db.batch(&format!("BEGIN; {sql}; {set}; COMMIT")).await;
        if applied.is_err() {
            // The error that is told is the migration's.
            drop(db.batch("ROLLBACK").await);
        }
        applied.map_err(cannot(to - 1, to))?;
    }
    Ok(())
}

async fn version(db: &Connection, schema: &str) -> Result<usize, Error> {
    let table = format!("{schema}.schema_version");
    let there: Option<bool> = db.value("SELECT to_regclass($1) IS NOT NULL", &[&table]).await?;
    if there != Some(true) {
        db.batch(&format!(
            "BEGIN; CREATE SCHEMA IF NOT EXISTS {schema}; \
             CREATE TABLE {schema}.schema_version (version bigint NOT NULL); \
             INSERT INTO {schema}.schema_version VALUES (0); \
             CREATE TABLE {schema}.lease (one boolean PRIMARY KEY CHECK (one), holder text NOT NULL, term bigint NOT NULL, \
             until timestamptz NOT NULL); COMMIT"
        ))
        .await?;
    }
    let rows = db
        .query_composed(&format!("SELECT version FROM {schema}.schema_version"), &[])
        .await?;
    let version: Option<i64> = rows.first().map(|row| row.get(0));
    Ok(version.and_then(|version| version.try_into().ok()).unwrap_or_default())
}
