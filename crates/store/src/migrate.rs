//! Schema versions: the number of migrations applied, in SQLite's `user_version`.

use std::{path::Path, sync::Arc};

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// Applies what is missing, each migration in a transaction with its version.
pub(crate) fn migrate(db: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let cannot = |from, to| {
        move |reason| StoreError::Migrate {
            path: path.to_owned(),
            from,
            to,
            reason: Arc::new(reason),
        }
    };
    let known = migrations.len();
    let version: i64 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(cannot(0, known))?;
    let found = usize::try_from(version).unwrap_or(usize::MAX);
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
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
