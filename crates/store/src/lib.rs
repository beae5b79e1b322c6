//! Group commit, and the engines that it commits on. A service's commands, schema and queries live with the service, in one
//! folder an engine; here is what all of them need.
//!
//! A write is a command, a plain value of the service's own. One thread commits: all commands that wait while it is busy go
//! together into the next transaction, so that one `fdatasync` pays for all of them. Their outcomes are released together:
//! the whole group is handed to one task on the runtime, which costs one wake (one by one from the commit thread, a
//! measurement showed 24 µs of CPU more a write).
//!
//! ```no_run
//! use store::sqlite::{Commands, rusqlite::{self, Transaction}};
//!
//! enum Command { Add(String) }
//!
//! struct Jobs;
//!
//! impl Commands for Jobs {
//!     type Command = Command;
//!     type Outcome = i64;
//!     const MIGRATIONS: &'static [&'static str] = &["CREATE TABLE jobs (id INTEGER PRIMARY KEY, code TEXT NOT NULL) STRICT"];
//!
//!     fn has_steps(_: &Command) -> bool {
//!         false
//!     }
//!
//!     fn apply(tx: &Transaction<'_>, Command::Add(code): &Command) -> rusqlite::Result<i64> {
//!         tx.prepare_cached("INSERT INTO jobs (code) VALUES (?1)")?.execute([code])?;
//!         Ok(tx.last_insert_rowid())
//!     }
//! }
//!
//! # async fn example() -> Result<(), store::StoreError> {
//! let (groups, reads) = store::sqlite::open::<Jobs>("jobs.db")?;
//! let id = groups.write(Command::Add("md5".into())).await?;
//! let code: String = reads.read(move |db| db.query_row("SELECT code FROM jobs WHERE id = ?1", [id], |row| row.get(0))).await?;
//! # Ok(()) }
//! ```

mod commit;
mod engine;
mod error;
mod groups;
pub mod postgres;
mod queue;
mod schema;
pub mod sqlite;
mod work;
mod write;

pub use engine::Engine;
pub use error::{StoreError, StoreName};
pub use groups::Groups;
pub use work::Work;
pub use write::Write;
