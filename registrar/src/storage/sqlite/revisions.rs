//! Pinned sets of definitions.

use jiff::Timestamp;
use store::sqlite::rusqlite::{self, Connection, params};

use crate::storage::StoredRevision;

pub(crate) fn list(db: &Connection) -> rusqlite::Result<Vec<StoredRevision>> {
    db.prepare_cached(
        "SELECT app, executor, revision, descriptors, superseded IS NULL FROM revisions
         ORDER BY app, executor, created, revision",
    )?
    .query_map([], |row| {
        Ok(StoredRevision {
            app: row.get(0)?,
            executor: row.get(1)?,
            revision: row.get(2)?,
            descriptors: row.get(3)?,
            current: row.get(4)?,
        })
    })?
    .collect()
}

pub(crate) fn make_current(db: &Connection, revision: &StoredRevision, at: Timestamp) -> rusqlite::Result<usize> {
    let StoredRevision {
        app,
        executor,
        revision,
        descriptors,
        ..
    } = revision;
    db.execute(
        "UPDATE revisions SET superseded = ?3 WHERE app = ?1 AND executor = ?2 AND superseded IS NULL",
        params![app, executor, at.as_second()],
    )?;
    db.execute(
        "INSERT INTO revisions (app, executor, revision, descriptors, created) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET superseded = NULL",
        params![app, executor, revision, descriptors, at.as_second()],
    )
}

pub(crate) fn prune(db: &Connection, before: Timestamp) -> rusqlite::Result<usize> {
    db.execute(
        "DELETE FROM revisions WHERE superseded < ?1 AND NOT EXISTS (SELECT 1 FROM registrations
         WHERE registrations.app = revisions.app AND registrations.revision = revisions.revision)",
        [before.as_second()],
    )
}
