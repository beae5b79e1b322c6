//! Installations in the store.

use std::sync::Arc;

use jiff::Timestamp;
use proto::registrar::v1::InstallationState as State;
use service::seal::Sealer;
use store::{
    Db,
    rusqlite::{self, OptionalExtension, Row, Transaction, params},
};
use tokio::sync::Notify;

use super::{Credentials, Installation, Key, TokenDigest, credentials::digest};
use crate::error::Error;

/// Application tokens believed at once: the newest, and the one before it for callbacks on their way.
const APPLICATION_TOKENS: usize = 2;

const COLUMNS: &str = "app, member_id, client_endpoint, oauth_host, user_id, state, application_tokens, created, adopted, \
                       administrator_lost, bound, reconciled, updated_all, problem, credentials, adoptions";

/// The installations; all writes are durable when they return.
#[derive(Clone)]
pub(crate) struct Installations {
    db: Db,
    sealer: Arc<Sealer>,
    changes: Arc<Notify>,
}

/// Credentials taken from a proved request.
pub(crate) struct Adoption {
    pub(crate) client_endpoint: String,
    pub(crate) oauth_host: String,
    pub(crate) user_id: i64,
    /// Whether that user may register activities.
    pub(crate) administrator: bool,
    pub(crate) state: State,
    pub(crate) credentials: Credentials,
    pub(crate) application_token: Option<TokenDigest>,
    pub(crate) at: Timestamp,
}

/// How a reconciliation ended.
pub(crate) struct Outcome {
    pub(crate) state: State,
    pub(crate) problem: String,
    pub(crate) administrator_lost: bool,
    pub(crate) bound: String,
    /// Whether everything was updated blindly.
    pub(crate) updated_all: bool,
    pub(crate) at: Timestamp,
}

impl Installations {
    /// In this store, sealed by this sealer; `changes` is told of what matters to gateways.
    pub(crate) fn new(db: Db, sealer: Sealer, changes: Arc<Notify>) -> Self {
        Self {
            db,
            sealer: Arc::new(sealer),
            changes,
        }
    }

    /// One installation.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Installation>, Error> {
        Ok(self.row(key).await?.map(|(installation, _)| installation))
    }

    /// One installation with its credentials, unless they were erased.
    pub(crate) async fn get_with_credentials(
        &self,
        key: &Key,
    ) -> Result<Option<(Installation, Option<Credentials>)>, Error> {
        let Some((installation, sealed)) = self.row(key).await? else {
            return Ok(None);
        };
        let credentials = sealed
            .map(|sealed| Credentials::open(&self.sealer, key, &sealed))
            .transpose()?;
        Ok(Some((installation, credentials)))
    }

    /// All of an app, or of all apps, by app and `member_id`.
    pub(crate) async fn list(&self, app: Option<&str>) -> Result<Vec<Installation>, Error> {
        let app = app.map(ToOwned::to_owned);
        let rows = self.db.read(move |db| {
            let sql =
                format!("SELECT {COLUMNS} FROM installations WHERE ?1 IS NULL OR app = ?1 ORDER BY app, member_id");
            db.prepare_cached(&sql)?
                .query_map([app], |row| Ok(read(row)?.0))?
                .collect()
        });
        Ok(rows.await?)
    }

    /// Fails when the key is not the one that the store was written with.
    pub(crate) async fn check_key(&self) -> Result<(), Error> {
        let sealed = self.db.read(|db| {
            let sql = format!("SELECT {COLUMNS} FROM installations WHERE credentials IS NOT NULL LIMIT 1");
            db.query_row(&sql, [], read).optional()
        });
        if let Some((installation, Some(sealed))) = sealed.await? {
            Credentials::open(&self.sealer, &installation.key, &sealed)?;
        }
        Ok(())
    }

    /// Takes credentials; the installation is as new, but what its portal holds is remembered.
    pub(crate) async fn adopt(&self, key: &Key, adoption: Adoption) -> Result<(), Error> {
        let sealed = adoption.credentials.seal(&self.sealer, key)?;
        let (key, spent) = (key.clone(), spent_digest(&adoption.credentials));
        let write = self.db.write(move |tx| {
            let at = adoption.at.as_second();
            let tokens = learnt(tx, &key, adoption.application_token)?;
            if let Some(spent) = spent {
                spend(tx, spent, at)?;
            }
            tx.prepare_cached(
                "INSERT INTO installations (app, member_id, client_endpoint, oauth_host, user_id, state, credentials,
                     application_tokens, created, adopted, administrator_lost, bound, problem)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, '', '')
                 ON CONFLICT DO UPDATE SET client_endpoint = ?3, oauth_host = ?4, user_id = ?5, state = ?6,
                     credentials = ?7, application_tokens = ?8, adopted = ?9, administrator_lost = ?10, bound = '',
                     problem = '', adoptions = adoptions + 1",
            )?
            .execute(params![
                key.app,
                key.member_id,
                adoption.client_endpoint,
                adoption.oauth_host,
                adoption.user_id,
                adoption.state as i32,
                sealed,
                tokens,
                at,
                !adoption.administrator
            ])
        });
        write.await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Believes an application token from now on, beside the one believed before.
    pub(crate) async fn learn(&self, key: &Key, token: TokenDigest) -> Result<(), Error> {
        let key = key.clone();
        let write = self.db.write(move |tx| {
            let tokens = learnt(tx, &key, Some(token))?;
            tx.prepare_cached("UPDATE installations SET application_tokens = ?3 WHERE app = ?1 AND member_id = ?2")?
                .execute(params![key.app, key.member_id, tokens])
        });
        write.await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Replaces the pair of tokens after a refresh; `endpoint` when the OAuth server named one.
    pub(crate) async fn refreshed(
        &self,
        key: &Key,
        credentials: &Credentials,
        endpoint: Option<String>,
        at: Timestamp,
    ) -> Result<(), Error> {
        let sealed = credentials.seal(&self.sealer, key)?;
        let (key, spent, at) = (key.clone(), spent_digest(credentials), at.as_second());
        let write = self.db.write(move |tx| {
            if let Some(spent) = spent {
                spend(tx, spent, at)?;
            }
            tx.prepare_cached(
                "UPDATE installations SET credentials = ?3, client_endpoint = coalesce(?4, client_endpoint)
                 WHERE app = ?1 AND member_id = ?2",
            )?
            .execute(params![key.app, key.member_id, sealed, endpoint])
        });
        write.await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Whether a refresh token was taken or used before.
    pub(crate) async fn is_spent(&self, refresh_token: &str) -> Result<bool, Error> {
        let digest = digest(refresh_token);
        let read = self.db.read(move |db| {
            db.prepare_cached("SELECT 1 FROM spent_tokens WHERE sha256 = ?1")?
                .exists([digest])
        });
        Ok(read.await?)
    }

    /// Sets the state found by a failing call or by `app.info`.
    pub(crate) async fn set_state(&self, key: &Key, state: State, problem: &str) -> Result<(), Error> {
        let (key, problem) = (key.clone(), problem.to_owned());
        let write = self.db.write(move |tx| {
            tx.prepare_cached("UPDATE installations SET state = ?3, problem = ?4 WHERE app = ?1 AND member_id = ?2")?
                .execute(params![key.app, key.member_id, state as i32, problem])
        });
        write.await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Moves an installation to the address that the OAuth server names.
    pub(crate) async fn set_endpoint(&self, key: &Key, endpoint: &str) -> Result<(), Error> {
        let (key, endpoint) = (key.clone(), endpoint.to_owned());
        let write = self.db.write(move |tx| {
            tx.prepare_cached("UPDATE installations SET client_endpoint = ?3 WHERE app = ?1 AND member_id = ?2")?
                .execute(params![key.app, key.member_id, endpoint])
        });
        write.await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Erases the credentials and what the portal was known to hold: it deletes all of an app with the app.
    pub(crate) async fn uninstall(&self, key: &Key) -> Result<(), Error> {
        let key = key.clone();
        let write = self.db.write(move |tx| {
            tx.execute(
                "DELETE FROM registrations WHERE app = ?1 AND member_id = ?2",
                params![key.app, key.member_id],
            )?;
            tx.execute(
                "UPDATE installations SET state = ?3, credentials = NULL, bound = '', problem = ''
                 WHERE app = ?1 AND member_id = ?2",
                params![key.app, key.member_id, State::Uninstalled as i32],
            )
        });
        write.await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Records the end of a reconciliation of the installation as it was then. One that was overtaken by new credentials
    /// leaves nothing behind: it found out about the old ones.
    pub(crate) async fn reconciled(&self, installation: &Installation, outcome: Outcome) -> Result<(), Error> {
        let (key, adoptions) = (installation.key.clone(), installation.adoptions);
        let write = self.db.write(move |tx| {
            let at = outcome.at.as_second();
            let state = "SELECT state FROM installations WHERE app = ?1 AND member_id = ?2";
            let before: Option<i32> = tx.query_row(state, [&key.app, &key.member_id], |row| row.get(0)).optional()?;
            let mut update = tx.prepare_cached(
                "UPDATE installations SET state = ?3, problem = ?4, administrator_lost = ?5, bound = ?6, reconciled = ?7,
                     updated_all = coalesce(?8, updated_all)
                 WHERE app = ?1 AND member_id = ?2 AND credentials IS NOT NULL AND adoptions = ?9",
            )?;
            let written = update.execute(params![
                key.app,
                key.member_id,
                outcome.state as i32,
                outcome.problem,
                outcome.administrator_lost,
                outcome.bound,
                at,
                outcome.updated_all.then_some(at),
                adoptions
            ])?;
            Ok(written > 0 && before != Some(outcome.state as i32))
        });
        if write.await? {
            self.changes.notify_one();
        }
        Ok(())
    }

    async fn row(&self, key: &Key) -> Result<Option<(Installation, Option<Vec<u8>>)>, Error> {
        let key = key.clone();
        let read = self.db.read(move |db| {
            let sql = format!("SELECT {COLUMNS} FROM installations WHERE app = ?1 AND member_id = ?2");
            db.prepare_cached(&sql)?
                .query_row([key.app, key.member_id], read)
                .optional()
        });
        Ok(read.await?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Installation, Option<Vec<u8>>)> {
    let tokens: Vec<u8> = row.get(6)?;
    let installation = Installation {
        key: Key {
            app: row.get(0)?,
            member_id: row.get(1)?,
        },
        client_endpoint: row.get(2)?,
        oauth_host: row.get(3)?,
        user_id: row.get(4)?,
        state: State::try_from(row.get::<_, i32>(5)?).unwrap_or_default(),
        application_tokens: tokens.as_chunks::<32>().0.to_vec(),
        created: time(row.get(7)?),
        adopted: time(row.get(8)?),
        administrator_lost: row.get(9)?,
        bound: row.get(10)?,
        reconciled: row.get::<_, Option<i64>>(11)?.map(time),
        updated_all: row.get::<_, Option<i64>>(12)?.map(time),
        problem: row.get(13)?,
        adoptions: row.get(15)?,
    };
    Ok((installation, row.get(14)?))
}

/// What was written is within the range; anything else is the epoch.
pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

/// The application tokens with the new one in front.
fn learnt(tx: &Transaction<'_>, key: &Key, new: Option<TokenDigest>) -> rusqlite::Result<Vec<u8>> {
    let sql = "SELECT application_tokens FROM installations WHERE app = ?1 AND member_id = ?2";
    let stored: Option<Vec<u8>> = tx
        .query_row(sql, [&key.app, &key.member_id], |row| row.get(0))
        .optional()?;
    let stored = stored.unwrap_or_default();
    let mut tokens: Vec<TokenDigest> = new.into_iter().collect();
    tokens.extend(stored.as_chunks::<32>().0.iter().filter(|token| Some(**token) != new));
    tokens.truncate(APPLICATION_TOKENS);
    Ok(tokens.concat())
}

fn spent_digest(credentials: &Credentials) -> Option<TokenDigest> {
    credentials.refresh_token.as_ref().map(|token| digest(token.expose()))
}

fn spend(tx: &Transaction<'_>, digest: TokenDigest, at: i64) -> rusqlite::Result<usize> {
    tx.prepare_cached("INSERT OR IGNORE INTO spent_tokens (sha256, spent) VALUES (?1, ?2)")?
        .execute(params![digest, at])
}
