//! Schema versions: the number of migrations applied, in SQLite's `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use crate::{StoreError, StoreName};

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
    let known = migrations.len();
    let version: i64 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(cannot(0, known))?;
    let found = usize::try_from(version).unwrap_or(usize::MAX);
    if found > known {
        return Err(StoreError::Newer {
            store: store.clone(),
            found,
            known,
        });
    }
    for (index, sql) in migrations.iter().enumerate().skip(found) {
        let mut apply = || {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute_batch(sql)?;
            tx.pragma_update(None, "user_version", u32::try_from(index + 1).unwrap_or(u32::MAX))?;
            tx.commit()
        };
        apply().map_err(cannot(index, index + 1))?;
    }
    Ok(())
}
