//! Pinned sets of definitions.

use jiff::Timestamp;
use store::postgres::{Connection, Error, text};

use crate::storage::StoredRevision;

pub(super) async fn list(db: &Connection) -> Result<Vec<StoredRevision>, Error> {
    let sql = "SELECT app, executor, revision, descriptors, superseded IS NULL FROM registrar.revisions \
        ORDER BY app, executor, created, revision";
    let rows = db.query(sql, &[]).await?;
    let revisions = rows.iter().map(|row| {
        Ok(StoredRevision {
            app: row.try_get(0)?,
            executor: row.try_get(1)?,
            revision: row.try_get(2)?,
            descriptors: row.try_get(3)?,
            current: row.try_get(4)?,
        })
    });
    revisions.collect()
}

pub(super) async fn make_current(db: &Connection, revision: &StoredRevision, at: Timestamp) -> Result<usize, Error> {
    let (app, executor, name) = (text(&revision.app), text(&revision.executor), text(&revision.revision));
    let sql = "UPDATE registrar.revisions SET superseded = $3 WHERE app = $1 AND executor = $2 AND superseded IS NULL";
    db.execute(sql, &[&app, &executor, &at.as_second()]).await?;
    let sql = "INSERT INTO registrar.revisions (app, executor, revision, descriptors, created) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (app, executor, revision) DO UPDATE SET superseded = NULL";
    db.execute(sql, &[&app, &executor, &name, &revision.descriptors, &at.as_second()])
        .await
}

pub(super) async fn prune(db: &Connection, before: Timestamp) -> Result<usize, Error> {
    let sql = "DELETE FROM registrar.revisions AS r WHERE r.superseded < $1 AND NOT EXISTS \
        (SELECT FROM registrar.registrations AS g WHERE g.app = r.app AND g.revision = r.revision)";
    db.execute(sql, &[&before.as_second()]).await
}
