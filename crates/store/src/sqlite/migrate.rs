//! Schema versions: the number of migrations applied, in SQLite's `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use crate::{StoreError, StoreName, schema::missing};

/// Applies what is missing, each migration in a transaction with its version.
pub(super) fn migrate(db: &mut Connection, store: &StoreName, migrations: &[&str]) -> Result<(), StoreError> {
    let cannot = |from, to| {
        move |reason: rusqlite::Error| StoreError::Migrate {
            store: store.clone(),
            from,
            to,
            reason: reason.to_string(),
        }
    };
    let version: i64 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(cannot(0, migrations.len()))?;
    let found = usize::try_from(version).unwrap_or(usize::MAX);
    for (to, sql) in missing(store, found, migrations)? {
        let mut apply = || {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute_batch(sql)?;
            tx.pragma_update(None, "user_version", u32::try_from(to).unwrap_or(u32::MAX))?;
            tx.commit()
        };
        apply().map_err(cannot(to - 1, to))?;
    }
    Ok(())
}
