//! What portals took last, in the store.

use activity::Kind;
use proto::registrar::v1::Step;
use store::{
    Db,
    rusqlite::{self, Row, params},
};

use super::{desired::Digest, plan::Applied};
use crate::{error::Error, installation::Key};

/// The registrations of all portals.
#[derive(Clone)]
pub(crate) struct Registrations {
    db: Db,
}

/// What was done about one activity of a portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) code: String,
    pub(crate) kind: Kind,
    /// Name in English.
    pub(crate) name: String,
    /// Revision that the portal's handler address names.
    pub(crate) revision: String,
    /// Of the parameters that the portal took last.
    pub(crate) digest: Option<Digest>,
    pub(crate) step: Step,
    /// Whether the portal listed it afterwards.
    pub(crate) observed: bool,
    /// What went wrong; empty: nothing.
    pub(crate) problem: String,
}

impl Registrations {
    /// In this store.
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Of one portal, by code.
    pub(crate) async fn list(&self, key: &Key) -> Result<Vec<Registration>, Error> {
        let key = key.clone();
        let read = self.db.read(move |db| {
            db.prepare_cached(
                "SELECT code, robot, name, revision, digest, step, observed, problem FROM registrations
                 WHERE app = ?1 AND member_id = ?2 ORDER BY code",
            )?
            .query_map([key.app, key.member_id], read)?
            .collect()
        });
        Ok(read.await?)
    }

    /// Writes some of one portal, whose installation must still have its credentials: a pass that was overtaken by an
    /// uninstallation leaves nothing behind.
    pub(crate) async fn put(&self, key: &Key, registrations: Vec<Registration>) -> Result<(), Error> {
        let key = key.clone();
        let write = self.db.write(move |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT OR REPLACE INTO registrations
                     (app, member_id, code, robot, name, revision, digest, step, observed, problem)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM installations
                 WHERE app = ?1 AND member_id = ?2 AND credentials IS NOT NULL",
            )?;
            for one in registrations {
                let robot = one.kind == Kind::Robot;
                let (app, member_id, step) = (&key.app, &key.member_id, one.step as i32);
                insert.execute(params![
                    app,
                    member_id,
                    one.code,
                    robot,
                    one.name,
                    one.revision,
                    one.digest,
                    step,
                    one.observed,
                    one.problem
                ])?;
            }
            Ok(())
        });
        write.await?;
        Ok(())
    }

    /// Forgets some of one portal.
    pub(crate) async fn delete(&self, key: &Key, codes: Vec<String>) -> Result<(), Error> {
        let key = key.clone();
        let write = self.db.write(move |tx| {
            let mut delete =
                tx.prepare_cached("DELETE FROM registrations WHERE app = ?1 AND member_id = ?2 AND code = ?3")?;
            for code in codes {
                delete.execute([&key.app, &key.member_id, &code])?;
            }
            Ok(())
        });
        write.await?;
        Ok(())
    }
}

/// What a plan needs to know of them.
pub(crate) fn applied(registrations: &[Registration]) -> Applied {
    let known = |one: &Registration| Some((one.code.clone(), (one.kind, one.digest?)));
    registrations.iter().filter_map(known).collect()
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
