//! PostgreSQL's errors, told to people.

use std::{error::Error as _, time::Duration};

use tokio_postgres::{Error, error::SqlState};

use crate::{StoreError, StoreName};

pub(super) fn unusable(store: &StoreName, reason: &Error) -> StoreError {
    StoreError::Connect {
        store: store.clone(),
        reason: text(reason),
        advice: advice(reason),
    }
}

pub(super) fn statement(store: &StoreName, reason: &Error) -> StoreError {
    StoreError::Statement {
        store: store.clone(),
        reason: text(reason),
    }
}

pub(super) fn unavailable(store: &StoreName, reason: &Error) -> StoreError {
    StoreError::Unavailable {
        store: store.clone(),
        reason: text(reason),
        advice: advice(reason),
    }
}

/// Nothing came back in time.
pub(super) fn silent(store: &StoreName, longest: Duration) -> StoreError {
    StoreError::Connect {
        store: store.clone(),
        reason: format!("no reply within {longest:?}"),
        advice: "check the server's load and locks, and the network between",
    }
}

/// What the database says, without the values that its details may show.
pub(super) fn text(reason: &Error) -> String {
    match (reason.as_db_error(), reason.source()) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(source)) => format!("{reason}: {source}"),
        (None, None) => reason.to_string(),
    }
}

/// It says something of the database or of the connection, not of the statement: nothing else will succeed.
pub(super) fn spoils_group(reason: &Error) -> bool {
    // Rolled back, out of resources, an operator's doing, a fault of the system, of the database.
    let classes = ["08", "40", "53", "57", "58", "F0", "XX"];
    reason.code().is_none_or(|code| {
        classes.contains(&&code.code()[..2])
            || [
                SqlState::READ_ONLY_SQL_TRANSACTION,
                SqlState::INSUFFICIENT_PRIVILEGE,
                SqlState::UNDEFINED_TABLE,
            ]
            .contains(code)
    })
}

/// Another connection may do better: this one has ended, or its server is shut down or no primary any more.
pub(super) fn ends_connection(reason: &Error) -> bool {
    reason
        .code()
        .is_none_or(|code| ["08", "57"].contains(&&code.code()[..2]) || *code == SqlState::READ_ONLY_SQL_TRANSACTION)
}

fn advice(reason: &Error) -> &'static str {
    let Some(code) = reason.code() else {
        return "check that the server runs and can be reached from here, and the URL's host, port and TLS";
    };
    match *code {
        SqlState::DISK_FULL => "the server's disk is full: make room, writing goes on by itself",
        SqlState::READ_ONLY_SQL_TRANSACTION => "the server is a standby: name the primary in `store.url`",
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "check the user in `store.url`, the password in `store.password`, and the server's pg_hba.conf"
        }
        SqlState::INVALID_CATALOG_NAME => "make the database with `createdb`, or correct its name in `store.url`",
        SqlState::INSUFFICIENT_PRIVILEGE => "the user must own the database, or may have to be granted CREATE on it",
        SqlState::TOO_MANY_CONNECTIONS => "raise the server's max_connections, or end other programs",
        SqlState::UNDEFINED_TABLE => "the tables are gone: restore a backup, or restart with an empty database",
        _ => "see the reason, and the server's log",
    }
}
