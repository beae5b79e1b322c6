//! SQLite, built in: one process, one file.

mod connect;
mod engine;
mod error;
mod migrate;
mod reads;

use std::path::Path;

pub use rusqlite;

use self::engine::Sqlite;
pub use self::{engine::Commands, reads::Reads};
use crate::{Groups, StoreError};

/// An open store: its writes, and its reads.
pub type Opened<S> = (Groups<<S as Commands>::Command, <S as Commands>::Outcome>, Reads);

/// Opens or creates the store and brings its schema up to date. Outcomes are released on the runtime in whose context this is
/// called.
///
/// # Errors
/// The file can't be used, another process holds it, or a newer version of the program wrote it.
///
/// # Panics
/// Outside a tokio runtime.
pub fn open<S: Commands>(path: impl AsRef<Path>) -> Result<Opened<S>, StoreError> {
    let path = path.as_ref();
    let store = error::name(path);
    let lock = connect::lock(path)?;
    let mut connection = connect::writer(path)?;
    migrate::migrate(&mut connection, &store, S::MIGRATIONS)?;
    let groups = Groups::start(store, Sqlite::<S>::new(connection, lock, path))?;
    Ok((groups, Reads::new(path)))
}
