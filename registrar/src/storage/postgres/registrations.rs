//! What portals took last.

use activity::Kind;
use proto::registrar::v1::Step;
use store::postgres::{Connection, Error, Row, text};

use crate::storage::{Key, Registration};

/// The condition on the installation keeps a pass that was overtaken by an uninstallation from writing.
const PUT: &str = "INSERT INTO registrar.registrations \
        (app, member_id, code, robot, name, revision, digest, step, observed, problem) \
    SELECT app, member_id, $3, $4, $5, $6, $7, $8, $9, $10 FROM registrar.installations \
        WHERE app = $1 AND member_id = $2 AND credentials IS NOT NULL \
    ON CONFLICT (app, member_id, code) DO UPDATE SET robot = excluded.robot, name = excluded.name, \
        revision = excluded.revision, digest = excluded.digest, step = excluded.step, observed = excluded.observed, \
        problem = excluded.problem";

pub(super) async fn list(db: &Connection, key: &Key) -> Result<Vec<Registration>, Error> {
    let sql = "SELECT code, robot, name, revision, digest, step, observed, problem FROM registrar.registrations \
        WHERE app = $1 AND member_id = $2 ORDER BY code";
    let rows = db.query(sql, &[&text(&key.app), &text(&key.member_id)]).await?;
    rows.iter().map(read).collect()
}

pub(super) async fn put(db: &Connection, key: &Key, registrations: &[Registration]) -> Result<usize, Error> {
    let mut written = 0;
    for one in registrations {
        let robot = one.kind == Kind::Robot;
        let digest = one.digest.as_ref().map(<[u8; 32]>::as_slice);
        let step = one.step as i32;
        let (app, member_id, problem) = (text(&key.app), text(&key.member_id), text(&one.problem));
        let (code, name, revision) = (text(&one.code), text(&one.name), text(&one.revision));
        written += db
            .execute(
                PUT,
                &[
                    &app,
                    &member_id,
                    &code,
                    &robot,
                    &name,
                    &revision,
                    &digest,
                    &step,
                    &one.observed,
                    &problem,
                ],
            )
            .await?;
    }
    Ok(written)
}

pub(super) async fn delete(db: &Connection, key: &Key, codes: &[String]) -> Result<usize, Error> {
    let sql = "DELETE FROM registrar.registrations WHERE app = $1 AND member_id = $2 AND code = ANY ($3)";
    let codes: Vec<_> = codes.iter().map(|code| text(code)).collect();
    db.execute(sql, &[&text(&key.app), &text(&key.member_id), &codes]).await
}

/// A portal deletes all of an app with the app.
pub(super) async fn forget(db: &Connection, key: &Key) -> Result<usize, Error> {
    let sql = "DELETE FROM registrar.registrations WHERE app = $1 AND member_id = $2";
    db.execute(sql, &[&text(&key.app), &text(&key.member_id)]).await
}

fn read(row: &Row) -> Result<Registration, Error> {
    let digest: Option<&[u8]> = row.try_get(4)?;
    Ok(Registration {
        code: row.try_get(0)?,
        kind: if row.try_get(1)? { Kind::Robot } else { Kind::Activity },
        name: row.try_get(2)?,
        revision: row.try_get(3)?,
        digest: digest.and_then(|digest| digest.try_into().ok()),
        step: Step::try_from(row.try_get::<_, i32>(5)?).unwrap_or_default(),
        observed: row.try_get(6)?,
        problem: row.try_get(7)?,
    })
}
