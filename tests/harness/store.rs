//! Where a stack stores: SQLite files in its folder, or, with `STORE=postgres`, a database of a PostgreSQL server that the test's
//! process starts.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use harness::postgres::{DISK_FULL, Database, database};

/// The stores of gateway and registrar.
#[derive(Debug)]
pub enum Store {
    /// `NAME.db` in this folder.
    Files(PathBuf),
    /// A schema a service.
    Database(Database),
}

impl Store {
    /// `shared`: for several processes of a service.
    pub(crate) fn new(folder: &Path, shared: bool) -> Self {
        if shared || std::env::var("STORE").is_ok_and(|store| store == "postgres") {
            Self::Database(database())
        } else {
            Self::Files(folder.to_owned())
        }
    }

    /// The lines of a service's configuration.
    pub(crate) fn toml(&self, service: &str) -> String {
        match self {
            Self::Files(folder) => format!("store.path = '{}'", file(folder, service).display()),
            Self::Database(database) => format!("store.url = '{}'\nstore.key = '{}'", database.url(), "5e".repeat(32)),
        }
    }

    /// From now on no job can be stored.
    ///
    /// # Errors
    /// It can't be broken.
    pub fn breaks(&self) -> anyhow::Result<()> {
        match self {
            Self::Files(folder) => sqlite(
                folder,
                "CREATE TRIGGER broken BEFORE INSERT ON jobs BEGIN SELECT RAISE(ROLLBACK, 'no room'); END",
            ),
            Self::Database(database) => {
                database.break_writes("INSERT", "gateway.jobs", "true", DISK_FULL);
                Ok(())
            }
        }
    }

    /// It works again.
    ///
    /// # Errors
    /// It can't be mended.
    pub fn is_mended(&self) -> anyhow::Result<()> {
        match self {
            Self::Files(folder) => sqlite(folder, "DROP TRIGGER broken"),
            Self::Database(database) => {
                database.mend();
                Ok(())
            }
        }
    }

    /// The database ends all connections to it.
    ///
    /// # Errors
    /// The stores are files.
    pub fn drops_connections(&self) -> anyhow::Result<()> {
        let Self::Database(database) = self else {
            anyhow::bail!("a file has no connections");
        };
        database.drop_connections();
        Ok(())
    }

    /// The database ends all connections and takes no new ones, or takes them again.
    ///
    /// # Errors
    /// The stores are files.
    pub fn refuses_connections(&self, refuses: bool) -> anyhow::Result<()> {
        let Self::Database(database) = self else {
            anyhow::bail!("a file has no connections");
        };
        database.set_open(!refuses);
        if refuses { self.drops_connections() } else { Ok(()) }
    }

    /// Loses all that a service, which does not run, has stored.
    ///
    /// # Errors
    /// A file can't be removed.
    pub fn forgets(&self, service: &str) -> anyhow::Result<()> {
        match self {
            Self::Files(folder) => {
                for entry in std::fs::read_dir(folder)? {
                    let path = entry?.path();
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    if name.starts_with(&format!("{service}.db")) {
                        std::fs::remove_file(&path)?;
                    }
                }
            }
            Self::Database(database) => {
                database.sql(&format!("DROP SCHEMA {service} CASCADE"));
            }
        }
        Ok(())
    }
}

fn file(folder: &Path, service: &str) -> PathBuf {
    folder.join(format!("{service}.db"))
}

/// Runs a statement on the gateway's file, from another program.
fn sqlite(folder: &Path, sql: &str) -> anyhow::Result<()> {
    const SCRIPT: &str = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=60).executescript(sys.argv[2])";
    let mut python = Command::new("python3");
    let ended = python
        .args(["-c", SCRIPT])
        .arg(file(folder, "gateway"))
        .arg(sql)
        .status();
    anyhow::ensure!(ended.context("python3")?.success(), "{sql}");
    Ok(())
}
