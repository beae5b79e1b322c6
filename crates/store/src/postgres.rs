//! PostgreSQL: a database that a service's processes share.
//!
//! A service's tables are in a schema of its own, so that services may share a database. Any process reads and writes; the work
//! on what is stored is done by the one that has the [lease](Lease). Statements are prepared and notices listened for: the
//! database is spoken to directly, or through a pooler in session mode.

mod connect;
mod connection;
mod engine;
mod error;
mod lease;
mod migrate;
mod reads;
mod text;

pub use tokio_postgres::{
    Error, Row,
    types::{FromSql, ToSql, Type},
};

use self::{connect::Target, engine::Postgres};
pub use self::{
    connect::{Settings, Url},
    connection::{Connection, Values},
    engine::Commands,
    lease::Lease,
    reads::{Lent, Reads},
    text::text,
};
use crate::{Groups, StoreError};

/// An open store: its writes, its reads, and this process's part in the work.
pub type Opened<S> = (Groups<<S as Commands>::Command, <S as Commands>::Outcome>, Reads, Lease);

/// Connects, and brings the schema up to date. Outcomes are released on the runtime in whose context this is called.
///
/// # Errors
/// The database can't be reached or used, it loses what it has acknowledged when it crashes, or a newer version of the program
/// wrote it.
pub async fn open<S: Commands>(settings: &Settings) -> Result<Opened<S>, StoreError> {
    let target = Target::new(settings)?;
    let store = target.store.clone();
    let closed = StoreError::Closed { store: store.clone() };
    let reads = Reads::new(target.clone());
    // The engine has a runtime of its own, which must not be driven on a thread of this one.
    let migrated = target.clone();
    let prepared = tokio::task::spawn_blocking(move || engine::prepare::<S>(migrated)).await;
    let prepared = prepared.unwrap_or(Err(closed))?;
    let lease = Lease::start(target, S::SCHEMA);
    let groups = Groups::start(store, Postgres::<S>::new(prepared, lease.clone()))?;
    Ok((groups, reads, lease))
}
