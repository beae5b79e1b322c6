//! Jobs that wait in the store.

use std::collections::HashMap;

use store::postgres::{Connection, Error, text};

use super::{lane, meta, row};
use crate::{
    job::Millis,
    storage::{Due, Line, Place, RowId},
};

/// Lines one after another, each found in the index behind the one before. `$1` to `$3` are where to begin.
pub(super) const LINES: &str = "WITH RECURSIVE lines AS ( \
        (SELECT lane, app, member_id, revision, state, next_attempt FROM gateway.jobs \
        WHERE next_attempt IS NOT NULL AND state IN (1, 3, 4) AND (lane, app, member_id) >= ($1, $2, $3) \
        ORDER BY lane, app, member_id, revision, state, next_attempt LIMIT 1) \
    UNION ALL \
        SELECT next.* FROM lines AS l CROSS JOIN LATERAL ( \
            SELECT j.lane, j.app, j.member_id, j.revision, j.state, j.next_attempt FROM gateway.jobs AS j \
            WHERE j.next_attempt IS NOT NULL AND j.state IN (1, 3, 4) \
            AND (j.lane, j.app, j.member_id, j.revision, j.state) > (l.lane, l.app, l.member_id, l.revision, l.state) \
            ORDER BY j.lane, j.app, j.member_id, j.revision, j.state, j.next_attempt LIMIT 1) AS next \
        WHERE NOT $4 OR (l.app = $2 AND l.member_id = $3)) \
    SELECT app, member_id, revision, state, next_attempt FROM lines WHERE NOT $4 OR (app = $2 AND member_id = $3) \
    ORDER BY app, member_id, revision, state";
pub(super) const DUE: &str = "SELECT next_attempt, id FROM gateway.jobs \
    WHERE lane = $1 AND app = $2 AND member_id = $3 AND revision = $4 AND state = $5 AND (next_attempt, id) > ($6, $7) \
    AND next_attempt <= $8 AND next_attempt IS NOT NULL AND state IN (1, 3, 4) ORDER BY next_attempt, id LIMIT $9";
pub(super) const LATER: &str = "SELECT min(next_attempt) FROM gateway.jobs \
    WHERE lane = $1 AND app = $2 AND member_id = $3 AND revision = $4 AND state = $5 AND next_attempt > $6 \
    AND next_attempt IS NOT NULL AND state IN (1, 3, 4)";
pub(super) const WAKE: &str = "UPDATE gateway.jobs SET next_attempt = $6 WHERE lane = $1 AND id = ANY (ARRAY( \
    SELECT id FROM gateway.jobs WHERE lane = $1 AND app = $2 AND member_id = $3 AND revision = $4 AND state = $5 \
    AND next_attempt > $6 AND next_attempt IS NOT NULL AND state IN (1, 3, 4) ORDER BY next_attempt LIMIT $7))";
/// Jobs of a line that are woken together: more than are sent within seconds, and few enough to be written at once.
const WOKEN: i64 = 1000;
/// Places that are read at once, to find those that are not held.
const PAGE: i64 = 512;

/// Every line with jobs that wait, and when its first is due; of one app and portal, or of all.
pub(super) async fn lines(db: &Connection, of: Option<(String, String)>) -> Result<Vec<(Line, Millis)>, Error> {
    let (app, member_id) = of.as_ref().map_or(("", ""), |(app, member_id)| (app, member_id));
    let lane = of.as_ref().map_or(0, |_| lane::of(app, member_id));
    let (app, member_id) = (text(app), text(member_id));
    let rows = db.query(LINES, &[&lane, &app, &member_id, &of.is_some()]).await?;
    let lines = rows.iter().map(|row| {
        let found = Line {
            app: row.try_get(0)?,
            member_id: row.try_get(1)?,
            revision: row.try_get::<_, &str>(2)?.into(),
            state: row.try_get(3)?,
        };
        Ok((found, Millis(row.try_get(4)?)))
    });
    lines.collect()
}

/// Up to `limit` jobs of the line that are due at `now`, behind a place, without those for which `held` is true.
pub(super) async fn due(
    db: &Connection,
    of: &Line,
    now: Millis,
    limit: usize,
    behind: Option<Place>,
    held: impl Fn(RowId) -> bool,
) -> Result<Due, Error> {
    let (app, member_id, revision) = (text(&of.app), text(&of.member_id), text(&of.revision));
    let (lane, state) = (lane::of(&of.app, &of.member_id), of.state as i16);
    let mut found: Vec<Place> = Vec::new();
    let (mut at, mut id) = behind.map_or((i64::MIN, 0), |(at, id)| (at.0, id));
    loop {
        let rows = db
            .query(
                DUE,
                &[&lane, &app, &member_id, &revision, &state, &at, &id, &now.0, &PAGE],
            )
            .await?;
        for row in &rows {
            (at, id) = (row.try_get(0)?, row.try_get(1)?);
            if !held(id) {
                found.push((Millis(at), id));
            }
        }
        if found.len() > limit || rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = db
        .value(LATER, &[&lane, &app, &member_id, &revision, &state, &now.0])
        .await?;
    let ids: Vec<RowId> = found.iter().map(|place| place.1).collect();
    let mut stored = HashMap::with_capacity(ids.len());
    for row in db.query(row::OF_IDS, &[&lane, &ids]).await? {
        let job = row::read(&row)?;
        stored.insert(job.row, job);
    }
    let jobs = found
        .into_iter()
        .filter_map(|place| Some((place, stored.remove(&place.1)?)));
    Ok(Due {
        jobs: jobs.collect(),
        more,
        next: next.map(Millis),
    })
}

/// Makes due those of the line's jobs that would be next.
pub(super) async fn wake(db: &Connection, of: &Line, now: Millis) -> Result<usize, Error> {
    let (app, member_id, revision) = (text(&of.app), text(&of.member_id), text(&of.revision));
    let (lane, state) = (lane::of(&of.app, &of.member_id), of.state as i16);
    db.execute(WAKE, &[&lane, &app, &member_id, &revision, &state, &now.0, &WOKEN])
        .await
}

/// The newest job's number.
pub(super) async fn newest(db: &Connection) -> Result<RowId, Error> {
    let sql = "SELECT coalesce(max(newest.id), 0) FROM unnest($1::smallint[]) AS l (lane) CROSS JOIN LATERAL \
        (SELECT id FROM gateway.jobs AS j WHERE j.lane = l.lane ORDER BY id DESC LIMIT 1) AS newest";
    Ok(db.value(sql, &[&lane::all()]).await?.unwrap_or_default())
}

/// Makes due what the process before had in memory: accepted or sent, without a time in the store, not below the last mark of
/// what was settled. Gives their number.
pub(super) async fn recover(db: &Connection, now: Millis) -> Result<usize, Error> {
    let settled = meta::settled(db).await?;
    let sql = "UPDATE gateway.jobs AS j SET next_attempt = $1 FROM unnest($3::smallint[]) AS l (lane) \
        WHERE j.lane = l.lane AND j.id >= $2 AND j.next_attempt IS NULL \
        AND (j.state = 1 OR (j.state = 4 AND j.sent_second IS NOT NULL))";
    db.execute(sql, &[&now.0, &settled, &lane::all()]).await
}
