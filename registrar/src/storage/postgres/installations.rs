//! Installations and spent tokens.

use jiff::Timestamp;
use proto::registrar::v1::InstallationState as State;
use store::postgres::{Connection, Error, Row, text};

use super::registrations;
use crate::storage::{
    Adoption, Installation, Key, Outcome, SealedCredentials, TokenDigest, installation::believed,
    reads::StoredInstallation,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT app, member_id, client_endpoint, oauth_host, user_id, state, application_tokens, created, adopted, \
             administrator_lost, bound, reconciled, updated_all, problem, credentials, adoptions, refused_since \
             FROM registrar.installations ",
            $rest
        )
    };
}

const ADOPT: &str = "INSERT INTO registrar.installations AS i (app, member_id, client_endpoint, oauth_host, user_id, state, credentials, \
        application_tokens, created, adopted, administrator_lost, bound, problem) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, '', '') \
    ON CONFLICT (app, member_id) DO UPDATE SET client_endpoint = excluded.client_endpoint, oauth_host = excluded.oauth_host, \
        user_id = excluded.user_id, state = excluded.state, credentials = excluded.credentials, \
        application_tokens = excluded.application_tokens, adopted = excluded.adopted, \
        administrator_lost = excluded.administrator_lost, bound = '', problem = '', adoptions = i.adoptions + 1, \
        refused_since = NULL";
const RECONCILED: &str = "UPDATE registrar.installations SET state = $3, problem = $4, administrator_lost = $5, bound = $6, reconciled = $7, \
        updated_all = coalesce($8, updated_all) \
    WHERE app = $1 AND member_id = $2 AND credentials IS NOT NULL AND adoptions = $9";

pub(super) async fn get(db: &Connection, key: &Key) -> Result<Option<StoredInstallation>, Error> {
    let sql = select!("WHERE app = $1 AND member_id = $2");
    let row = db.first(sql, &[&text(&key.app), &text(&key.member_id)]).await?;
    row.map(|row| read(&row)).transpose()
}

pub(super) async fn list(db: &Connection, app: Option<&str>) -> Result<Vec<Installation>, Error> {
    let sql = select!("WHERE $1::text IS NULL OR app = $1 ORDER BY app, member_id");
    let rows = db.query(sql, &[&app.map(text)]).await?;
    rows.iter().map(|row| Ok(read(row)?.0)).collect()
}

pub(super) async fn any_with_credentials(db: &Connection) -> Result<Option<StoredInstallation>, Error> {
    let row = db.first(select!("WHERE credentials IS NOT NULL LIMIT 1"), &[]).await?;
    row.map(|row| read(&row)).transpose()
}

pub(super) async fn is_spent(db: &Connection, refresh_token: TokenDigest) -> Result<bool, Error> {
    let sql = "SELECT FROM registrar.spent_tokens WHERE sha256 = $1";
    Ok(db.first(sql, &[&refresh_token.as_slice()]).await?.is_some())
}

pub(super) async fn adopt(
    db: &Connection,
    key: &Key,
    adoption: &Adoption,
    credentials: &SealedCredentials,
) -> Result<usize, Error> {
    let at = adoption.at.as_second();
    let tokens = believed(&application_tokens(db, key).await?, adoption.application_token);
    spend(db, credentials, at).await?;
    let (endpoint, host) = (text(&adoption.client_endpoint), text(&adoption.oauth_host));
    let state = adoption.state as i32;
    db.execute(
        ADOPT,
        &[
            &text(&key.app),
            &text(&key.member_id),
            &endpoint,
            &host,
            &adoption.user_id,
            &state,
            &credentials.sealed,
            &tokens.concat(),
            &at,
            &!adoption.administrator,
        ],
    )
    .await
}

pub(super) async fn learn(db: &Connection, key: &Key, token: TokenDigest) -> Result<usize, Error> {
    let tokens = believed(&application_tokens(db, key).await?, Some(token));
    let sql = "UPDATE registrar.installations SET application_tokens = $3 WHERE app = $1 AND member_id = $2";
    db.execute(sql, &[&text(&key.app), &text(&key.member_id), &tokens.concat()])
        .await
}

pub(super) async fn refreshed(
    db: &Connection,
    key: &Key,
    credentials: &SealedCredentials,
    endpoint: Option<&str>,
    at: Timestamp,
) -> Result<usize, Error> {
    spend(db, credentials, at.as_second()).await?;
    let sql = "UPDATE registrar.installations SET credentials = $3, client_endpoint = coalesce($4, client_endpoint), \
        problem = CASE WHEN refused_since IS NULL THEN problem ELSE '' END, refused_since = NULL \
        WHERE app = $1 AND member_id = $2";
    let (app, member_id) = (text(&key.app), text(&key.member_id));
    db.execute(sql, &[&app, &member_id, &credentials.sealed, &endpoint.map(text)])
        .await
}

pub(super) async fn doubt(db: &Connection, key: &Key, problem: &str, at: Timestamp) -> Result<usize, Error> {
    let sql = "UPDATE registrar.installations SET problem = $3, refused_since = coalesce(refused_since, $4) \
        WHERE app = $1 AND member_id = $2";
    let (app, member_id) = (text(&key.app), text(&key.member_id));
    db.execute(sql, &[&app, &member_id, &text(problem), &at.as_second()])
        .await
}

pub(super) async fn set_state(db: &Connection, key: &Key, state: State, problem: &str) -> Result<usize, Error> {
    if state == State::Uninstalled {
        registrations::forget(db, key).await?;
    }
    let sql = "UPDATE registrar.installations SET state = $3, problem = $4, refused_since = NULL \
        WHERE app = $1 AND member_id = $2";
    let (app, member_id) = (text(&key.app), text(&key.member_id));
    db.execute(sql, &[&app, &member_id, &(state as i32), &text(problem)])
        .await
}

pub(super) async fn set_endpoint(db: &Connection, key: &Key, endpoint: &str) -> Result<usize, Error> {
    let sql = "UPDATE registrar.installations SET client_endpoint = $3 WHERE app = $1 AND member_id = $2";
    db.execute(sql, &[&text(&key.app), &text(&key.member_id), &text(endpoint)])
        .await
}

pub(super) async fn uninstall(db: &Connection, key: &Key) -> Result<usize, Error> {
    registrations::forget(db, key).await?;
    let sql = "UPDATE registrar.installations SET state = $3, credentials = NULL, bound = '', problem = '', refused_since = NULL \
        WHERE app = $1 AND member_id = $2";
    let state = State::Uninstalled as i32;
    db.execute(sql, &[&text(&key.app), &text(&key.member_id), &state]).await
}

pub(super) async fn reconciled(db: &Connection, key: &Key, adoptions: i64, outcome: &Outcome) -> Result<usize, Error> {
    let (at, state) = (outcome.at.as_second(), outcome.state as i32);
    let (app, member_id) = (text(&key.app), text(&key.member_id));
    let sql = "SELECT state FROM registrar.installations WHERE app = $1 AND member_id = $2";
    let before: Option<i32> = db.value(sql, &[&app, &member_id]).await?;
    let updated_all = outcome.updated_all.then_some(at);
    let written = db
        .execute(
            RECONCILED,
            &[
                &app,
                &member_id,
                &state,
                &text(&outcome.problem),
                &outcome.administrator_lost,
                &text(&outcome.bound),
                &at,
                &updated_all,
                &adoptions,
            ],
        )
        .await?;
    if written > 0 && outcome.state == State::Uninstalled {
        registrations::forget(db, key).await?;
    }
    Ok(if before == Some(state) { 0 } else { written })
}

async fn application_tokens(db: &Connection, key: &Key) -> Result<Vec<TokenDigest>, Error> {
    let sql = "SELECT application_tokens FROM registrar.installations WHERE app = $1 AND member_id = $2";
    let stored: Option<Vec<u8>> = db.value(sql, &[&text(&key.app), &text(&key.member_id)]).await?;
    Ok(stored.map(|bytes| digests(&bytes)).unwrap_or_default())
}

fn digests(bytes: &[u8]) -> Vec<TokenDigest> {
    bytes.as_chunks::<32>().0.to_vec()
}

async fn spend(db: &Connection, credentials: &SealedCredentials, at: i64) -> Result<(), Error> {
    let Some(digest) = &credentials.refresh_token else {
        return Ok(());
    };
    let sql = "INSERT INTO registrar.spent_tokens (sha256, spent) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    db.execute(sql, &[&digest.as_slice(), &at]).await.map(drop)
}

fn read(row: &Row) -> Result<StoredInstallation, Error> {
    let installation = Installation {
        key: Key {
            app: row.try_get(0)?,
            member_id: row.try_get(1)?,
        },
        client_endpoint: row.try_get(2)?,
        oauth_host: row.try_get(3)?,
        user_id: row.try_get(4)?,
        state: State::try_from(row.try_get::<_, i32>(5)?).unwrap_or_default(),
        application_tokens: digests(row.try_get(6)?),
        created: time(row.try_get(7)?),
        adopted: time(row.try_get(8)?),
        administrator_lost: row.try_get(9)?,
        bound: row.try_get(10)?,
        reconciled: row.try_get::<_, Option<i64>>(11)?.map(time),
        updated_all: row.try_get::<_, Option<i64>>(12)?.map(time),
        problem: row.try_get(13)?,
        adoptions: row.try_get(15)?,
        refused_since: row.try_get::<_, Option<i64>>(16)?.map(time),
    };
    Ok((installation, row.try_get(14)?))
}

/// What was written is within the range; anything else is the epoch.
fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}
