//! Groups on the connection that writes.

use std::{fs::File, marker::PhantomData, path::Path};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::{name, spoils_group, statement, unavailable};
use crate::{Engine, StoreError, StoreName, Write};

/// A service's commands on SQLite.
pub trait Commands: Send + 'static {
    /// What can be asked for.
    type Command: Send + 'static;
    /// What the caller is told.
    type Outcome: Send + 'static;
    /// Version n of the schema is the first n of them: append to the list, never edit it.
    const MIGRATIONS: &'static [&'static str];

    /// Whether the command may have several statements that change data: then a savepoint undoes it when it fails half-way.
    /// SQLite undoes a single one by itself.
    fn has_steps(command: &Self::Command) -> bool;

    /// Does it, within the group's transaction.
    ///
    /// # Errors
    /// All that it did is undone.
    fn apply(tx: &Transaction<'_>, command: &Self::Command) -> rusqlite::Result<Self::Outcome>;
}

pub(super) struct Sqlite<S> {
    store: StoreName,
    connection: Connection,
    /// Held for the life of the store; the system frees it however the process ends.
    _lock: File,
    commands: PhantomData<S>,
}

impl<S: Commands> Sqlite<S> {
    pub(super) fn new(connection: Connection, lock: File, path: &Path) -> Self {
        Self {
            store: name(path),
            connection,
            _lock: lock,
            commands: PhantomData,
        }
    }
}

impl<S: Commands> Engine for Sqlite<S> {
    type Command = S::Command;
    type Outcome = S::Outcome;

    fn commit(&mut self, group: &mut [Write<S::Command, S::Outcome>]) -> Result<(), StoreError> {
        let store = &self.store;
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|reason| unavailable(store, &reason))?;
        for write in group.iter_mut() {
            let outcome = apply::<S>(&tx, store, write.command())?;
            write.set_outcome(outcome);
        }
        tx.commit().map_err(|reason| unavailable(store, &reason))
    }
}

/// Applies one command. The outer error spoils the whole group, the inner one only this command.
fn apply<S: Commands>(
    tx: &Transaction<'_>,
    store: &StoreName,
    command: &S::Command,
) -> Result<Result<S::Outcome, StoreError>, StoreError> {
    let spoiled = |reason: rusqlite::Error| unavailable(store, &reason);
    let run = |sql| {
        tx.prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(drop)
    };
    let steps = S::has_steps(command);
    if steps {
        run("SAVEPOINT w").map_err(spoiled)?;
    }
    match S::apply(tx, command) {
        Ok(outcome) => {
            if steps {
                run("RELEASE w").map_err(spoiled)?;
            }
            Ok(Ok(outcome))
        }
        Err(reason) if tx.is_autocommit() || spoils_group(&reason) => Err(spoiled(reason)),
        Err(reason) => {
            if steps {
                run("ROLLBACK TO w").and_then(|()| run("RELEASE w")).map_err(spoiled)?;
            }
            Ok(Err(statement(store, &reason)))
        }
    }
}
