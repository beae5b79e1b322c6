//! Installations and spent tokens.

use jiff::Timestamp;
use proto::registrar::v1::InstallationState as State;
use store::sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params};

use crate::storage::{
    Adoption, Installation, Key, Outcome, SealedCredentials, TokenDigest, installation::believed,
    reads::StoredInstallation,
};

const COLUMNS: &str = "app, member_id, client_endpoint, oauth_host, user_id, state, application_tokens, created, adopted, \
                       administrator_lost, bound, reconciled, updated_all, problem, credentials, adoptions, refused_since";

pub(crate) fn get(db: &Connection, key: &Key) -> rusqlite::Result<Option<StoredInstallation>> {
    let sql = format!("SELECT {COLUMNS} FROM installations WHERE app = ?1 AND member_id = ?2");
    db.prepare_cached(&sql)?
        .query_row([&key.app, &key.member_id], read)
        .optional()
}

pub(crate) fn list(db: &Connection, app: Option<&str>) -> rusqlite::Result<Vec<Installation>> {
    let sql = format!("SELECT {COLUMNS} FROM installations WHERE ?1 IS NULL OR app = ?1 ORDER BY app, member_id");
    db.prepare_cached(&sql)?
        .query_map([app], |row| Ok(read(row)?.0))?
        .collect()
}

pub(crate) fn any_with_credentials(db: &Connection) -> rusqlite::Result<Option<StoredInstallation>> {
    let sql = format!("SELECT {COLUMNS} FROM installations WHERE credentials IS NOT NULL LIMIT 1");
    db.query_row(&sql, [], read).optional()
}

pub(crate) fn is_spent(db: &Connection, refresh_token: TokenDigest) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM spent_tokens WHERE sha256 = ?1")?
        .exists([refresh_token])
}

pub(crate) fn adopt(
    db: &Connection,
    key: &Key,
    adoption: &Adoption,
    credentials: &SealedCredentials,
) -> rusqlite::Result<usize> {
    let at = adoption.at.as_second();
    let tokens = believed(&application_tokens(db, key)?, adoption.application_token);
    spend(db, credentials, at)?;
    db.prepare_cached(
        "INSERT INTO installations (app, member_id, client_endpoint, oauth_host, user_id, state, credentials,
             application_tokens, created, adopted, administrator_lost, bound, problem)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, '', '')
         ON CONFLICT DO UPDATE SET client_endpoint = ?3, oauth_host = ?4, user_id = ?5, state = ?6,
             credentials = ?7, application_tokens = ?8, adopted = ?9, administrator_lost = ?10, bound = '',
             problem = '', adoptions = adoptions + 1, refused_since = NULL",
    )?
    .execute(params![
        key.app,
        key.member_id,
        adoption.client_endpoint,
        adoption.oauth_host,
        adoption.user_id,
        adoption.state as i32,
        credentials.sealed,
        tokens.concat(),
        at,
        !adoption.administrator
    ])
}

pub(crate) fn learn(db: &Connection, key: &Key, token: TokenDigest) -> rusqlite::Result<usize> {
    let tokens = believed(&application_tokens(db, key)?, Some(token));
    db.prepare_cached("UPDATE installations SET application_tokens = ?3 WHERE app = ?1 AND member_id = ?2")?
        .execute(params![key.app, key.member_id, tokens.concat()])
}

pub(crate) fn refreshed(
    db: &Connection,
    key: &Key,
    credentials: &SealedCredentials,
    endpoint: Option<&str>,
    at: Timestamp,
) -> rusqlite::Result<usize> {
    spend(db, credentials, at.as_second())?;
    db.prepare_cached(
        "UPDATE installations SET credentials = ?3, client_endpoint = coalesce(?4, client_endpoint),
             problem = CASE WHEN refused_since IS NULL THEN problem ELSE '' END, refused_since = NULL
         WHERE app = ?1 AND member_id = ?2",
    )?
    .execute(params![key.app, key.member_id, credentials.sealed, endpoint])
}

pub(crate) fn doubt(db: &Connection, key: &Key, problem: &str, at: Timestamp) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "UPDATE installations SET problem = ?3, refused_since = coalesce(refused_since, ?4)
         WHERE app = ?1 AND member_id = ?2",
    )?
    .execute(params![key.app, key.member_id, problem, at.as_second()])
}

pub(crate) fn set_state(db: &Connection, key: &Key, state: State, problem: &str) -> rusqlite::Result<usize> {
    if state == State::Uninstalled {
        forget_registrations(db, key)?;
    }
    db.prepare_cached(
        "UPDATE installations SET state = ?3, problem = ?4, refused_since = NULL WHERE app = ?1 AND member_id = ?2",
    )?
    .execute(params![key.app, key.member_id, state as i32, problem])
}

pub(crate) fn set_endpoint(db: &Connection, key: &Key, endpoint: &str) -> rusqlite::Result<usize> {
    db.prepare_cached("UPDATE installations SET client_endpoint = ?3 WHERE app = ?1 AND member_id = ?2")?
        .execute(params![key.app, key.member_id, endpoint])
}

pub(crate) fn uninstall(db: &Connection, key: &Key) -> rusqlite::Result<usize> {
    forget_registrations(db, key)?;
    db.execute(
        "UPDATE installations SET state = ?3, credentials = NULL, bound = '', problem = '', refused_since = NULL
         WHERE app = ?1 AND member_id = ?2",
        params![key.app, key.member_id, State::Uninstalled as i32],
    )
}

pub(crate) fn reconciled(db: &Connection, key: &Key, adoptions: i64, outcome: &Outcome) -> rusqlite::Result<usize> {
    let (at, state) = (outcome.at.as_second(), outcome.state as i32);
    let sql = "SELECT state FROM installations WHERE app = ?1 AND member_id = ?2";
    let before = db.query_row(sql, [&key.app, &key.member_id], |row| row.get::<_, i32>(0));
    let same = before.optional()? == Some(state);
    let mut update = db.prepare_cached(
        "UPDATE installations SET state = ?3, problem = ?4, administrator_lost = ?5, bound = ?6, reconciled = ?7,
             updated_all = coalesce(?8, updated_all)
         WHERE app = ?1 AND member_id = ?2 AND credentials IS NOT NULL AND adoptions = ?9",
    )?;
    let written = update.execute(params![
        key.app,
        key.member_id,
        state,
        outcome.problem,
        outcome.administrator_lost,
        outcome.bound,
        at,
        outcome.updated_all.then_some(at),
        adoptions
    ])?;
    if written > 0 && outcome.state == State::Uninstalled {
        forget_registrations(db, key)?;
    }
    Ok(if same { 0 } else { written })
}

/// A portal deletes all of an app with the app.
fn forget_registrations(db: &Connection, key: &Key) -> rusqlite::Result<usize> {
    db.execute(
        "DELETE FROM registrations WHERE app = ?1 AND member_id = ?2",
        [&key.app, &key.member_id],
    )
}

fn application_tokens(db: &Connection, key: &Key) -> rusqlite::Result<Vec<TokenDigest>> {
    let sql = "SELECT application_tokens FROM installations WHERE app = ?1 AND member_id = ?2";
    let stored = db.query_row(sql, [&key.app, &key.member_id], |row| row.get::<_, Vec<u8>>(0));
    Ok(stored.optional()?.map(|bytes| digests(&bytes)).unwrap_or_default())
}

fn digests(bytes: &[u8]) -> Vec<TokenDigest> {
    bytes.as_chunks::<32>().0.to_vec()
}

fn spend(db: &Connection, credentials: &SealedCredentials, at: i64) -> rusqlite::Result<()> {
    let Some(digest) = credentials.refresh_token else {
        return Ok(());
    };
    db.prepare_cached("INSERT OR IGNORE INTO spent_tokens (sha256, spent) VALUES (?1, ?2)")?
        .execute(params![digest, at])
        .map(drop)
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredInstallation> {
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
        application_tokens: digests(&tokens),
        created: time(row.get(7)?),
        adopted: time(row.get(8)?),
        administrator_lost: row.get(9)?,
        bound: row.get(10)?,
        reconciled: row.get::<_, Option<i64>>(11)?.map(time),
        updated_all: row.get::<_, Option<i64>>(12)?.map(time),
        problem: row.get(13)?,
        adoptions: row.get(15)?,
        refused_since: row.get::<_, Option<i64>>(16)?.map(time),
    };
    Ok((installation, row.get(14)?))
}

/// What was written is within the range; anything else is the epoch.
fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}
