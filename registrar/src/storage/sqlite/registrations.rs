//! What portals took last.

use activity::Kind;
use proto::registrar::v1::Step;
use store::sqlite::rusqlite::{self, Connection, Row, params};

use crate::storage::{Key, Registration};

pub(crate) fn list(db: &Connection, key: &Key) -> rusqlite::Result<Vec<Registration>> {
    db.prepare_cached(
        "SELECT code, robot, name, revision, digest, step, observed, problem FROM registrations
         WHERE app = ?1 AND member_id = ?2 ORDER BY code",
    )?
    .query_map([&key.app, &key.member_id], read)?
    .collect()
}

/// The condition on the installation keeps a pass that was overtaken by an uninstallation from writing.
pub(crate) fn put(db: &Connection, key: &Key, registrations: &[Registration]) -> rusqlite::Result<usize> {
    let mut insert = db.prepare_cached(
        "INSERT OR REPLACE INTO registrations
             (app, member_id, code, robot, name, revision, digest, step, observed, problem)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM installations
         WHERE app = ?1 AND member_id = ?2 AND credentials IS NOT NULL",
    )?;
    let insert = |one: &Registration| {
        insert.execute(params![
            key.app,
            key.member_id,
            one.code,
            one.kind == Kind::Robot,
            one.name,
            one.revision,
            one.digest,
            one.step as i32,
            one.observed,
            one.problem
        ])
    };
    registrations.iter().map(insert).sum()
}

pub(crate) fn delete(db: &Connection, key: &Key, codes: &[String]) -> rusqlite::Result<usize> {
    let mut delete = db.prepare_cached("DELETE FROM registrations WHERE app = ?1 AND member_id = ?2 AND code = ?3")?;
    let delete = |code| delete.execute([&key.app, &key.member_id, code]);
    codes.iter().map(delete).sum()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Registration> {
    Ok(Registration {
        code: row.get(0)?,
        kind: if row.get(1)? { Kind::Robot } else { Kind::Activity },
        name: row.get(2)?,
        revision: row.get(3)?,
        digest: row.get(4)?,
        step: Step::try_from(row.get::<_, i32>(5)?).unwrap_or_default(),
        observed: row.get(6)?,
        problem: row.get(7)?,
    })
}
