//! Pinned sets in the store.

use jiff::Timestamp;
use store::{Db, rusqlite::params};

use crate::error::Error;

/// The revisions of all executors and apps.
#[derive(Clone)]
pub(crate) struct Revisions {
    db: Db,
}

/// A pinned set of definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRevision {
    pub(crate) app: String,
    pub(crate) executor: String,
    pub(crate) revision: String,
    /// Encoded `FileDescriptorSet`.
    pub(crate) descriptors: Vec<u8>,
    pub(crate) current: bool,
}

impl Revisions {
    /// In this store.
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// All, by app, executor and age.
    pub(crate) async fn list(&self) -> Result<Vec<StoredRevision>, Error> {
        let read = self.db.read(|db| {
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
        });
        Ok(read.await?)
    }

    /// Makes this one the current revision of its executor and app.
    pub(crate) async fn make_current(
        &self,
        app: &str,
        executor: &str,
        revision: &str,
        descriptors: &[u8],
        at: Timestamp,
    ) -> Result<(), Error> {
        let (app, executor, revision) = (app.to_owned(), executor.to_owned(), revision.to_owned());
        let (descriptors, at) = (descriptors.to_vec(), at.as_second());
        let write = self.db.write(move |tx| {
            tx.execute(
                "UPDATE revisions SET superseded = ?3 WHERE app = ?1 AND executor = ?2 AND superseded IS NULL",
                params![app, executor, at],
            )?;
            tx.execute(
                "INSERT INTO revisions (app, executor, revision, descriptors, created) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET superseded = NULL",
                params![app, executor, revision, descriptors, at],
            )
        });
        write.await?;
        Ok(())
    }

    /// Forgets revisions that were replaced before `before` and that no portal's registration refers to; says how many.
    pub(crate) async fn prune(&self, before: Timestamp) -> Result<usize, Error> {
        let before = before.as_second();
        let write = self.db.write(move |tx| {
            tx.execute(
                "DELETE FROM revisions WHERE superseded < ?1 AND NOT EXISTS (SELECT 1 FROM registrations
                 WHERE registrations.app = revisions.app AND registrations.revision = revisions.revision)",
                [before],
            )
        });
        Ok(write.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::MIGRATIONS;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn one_is_current_and_old_ones_stay_while_they_may_be_needed() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path().join("test.db"), MIGRATIONS).unwrap();
        let revisions = Revisions::new(db.clone());
        for (revision, second) in [("a", 10), ("b", 20), ("c", 30), ("b", 40)] {
            revisions
                .make_current("demo", "hasher", revision, revision.as_bytes(), at(second))
                .await
                .unwrap();
        }
        let flags = |list: Vec<StoredRevision>| {
            list.into_iter()
                .map(|one| (one.revision, one.current))
                .collect::<Vec<_>>()
        };
        let all = flags(revisions.list().await.unwrap());
        assert_eq!(all, [("a".into(), false), ("b".into(), true), ("c".into(), false)]);

        // `a` was replaced at 20, `c` at 40; a portal's registration still names `a`.
        db.write(|tx| {
            tx.execute(
                "INSERT INTO registrations VALUES ('demo', 'm', 'md5', 0, 'MD5', 'a', NULL, 1, 1, '')",
                [],
            )
        })
        .await
        .unwrap();
        assert_eq!(
            revisions.prune(at(40)).await.unwrap(),
            0,
            "one is named, the other too young"
        );
        assert_eq!(revisions.prune(at(41)).await.unwrap(), 1);
        assert_eq!(
            flags(revisions.list().await.unwrap()),
            [("a".into(), false), ("b".into(), true)]
        );
        db.write(|tx| tx.execute("DELETE FROM registrations", []))
            .await
            .unwrap();
        assert_eq!(
            revisions.prune(at(1_000)).await.unwrap(),
            1,
            "the current one always stays"
        );
    }
}
