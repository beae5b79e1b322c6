//! Jobs that wait in the store.

use store::sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use super::{meta, row};
use crate::{
    job::{Millis, State},
    storage::{Due, Line, Place, RowId},
};

/// The first line behind another. The condition is that of the index.
pub(super) const NEXT_LINE: &str = "SELECT app, member_id, revision, state, next_attempt FROM jobs INDEXED BY jobs_line \
    WHERE next_attempt IS NOT NULL AND (state = 1 OR state = 3 OR state = 4) AND (app, member_id, revision, state) > (?1, ?2, ?3, ?4) \
    ORDER BY app, member_id, revision, state, next_attempt LIMIT 1";
pub(super) const DUE: &str = "SELECT next_attempt, id FROM jobs \
    WHERE app = ?1 AND member_id = ?2 AND revision = ?3 AND state = ?4 AND next_attempt >= ?5 AND next_attempt <= ?6 \
    AND next_attempt IS NOT NULL AND (state = 1 OR state = 3 OR state = 4) ORDER BY next_attempt, id";
pub(super) const LATER: &str = "SELECT min(next_attempt) FROM jobs \
    WHERE app = ?1 AND member_id = ?2 AND revision = ?3 AND state = ?4 AND next_attempt > ?5 \
    AND next_attempt IS NOT NULL AND (state = 1 OR state = 3 OR state = 4)";

pub(super) const WAKE: &str = "UPDATE jobs SET next_attempt = ?5 WHERE id IN (SELECT id FROM jobs \
    WHERE app = ?1 AND member_id = ?2 AND revision = ?3 AND state = ?4 AND next_attempt > ?5 \
    AND next_attempt IS NOT NULL AND (state = 1 OR state = 3 OR state = 4) ORDER BY next_attempt LIMIT ?6)";
/// Jobs of a line that are woken together: more than are sent within seconds, and few enough to be written at once.
const WOKEN: u32 = 1000;

/// Every line with jobs that wait, and when its first is due; of one app and portal, or of all.
pub(crate) fn lines(db: &Connection, of: Option<&(String, String)>) -> rusqlite::Result<Vec<(Line, Millis)>> {
    let mut next = db.prepare_cached(NEXT_LINE)?;
    let mut lines: Vec<(Line, Millis)> = Vec::new();
    loop {
        let behind = lines.last().map(|(line, _)| line);
        let (app, member_id) = match (behind, of) {
            (Some(line), _) => (&*line.app, &*line.member_id),
            (None, Some((app, member_id))) => (&**app, &**member_id),
            (None, None) => ("", ""),
        };
        let (revision, state) = behind.map_or(("", 0), |line| (&*line.revision, line.state as u8));
        let behind = params![app, member_id, revision, state];
        let found = next
            .query_row(behind, |row| {
                let line = Line {
                    app: row.get(0)?,
                    member_id: row.get(1)?,
                    revision: row.get(2)?,
                    state: row::number(row, 3, State::from_number)?,
                };
                Ok((line, Millis(row.get(4)?)))
            })
            .optional()?;
        let is_wanted = |line: &Line| of.is_none_or(|of| (&of.0, &of.1) == (&line.app, &line.member_id));
        match found.filter(|(line, _)| is_wanted(line)) {
            Some(found) => lines.push(found),
            None => return Ok(lines),
        }
    }
}

/// Up to `limit` jobs of the line that are due at `now`, behind a place, without those for which `held` is true.
pub(crate) fn due(
    db: &Connection,
    line: &Line,
    now: Millis,
    limit: usize,
    behind: Option<Place>,
    held: impl Fn(RowId) -> bool,
) -> rusqlite::Result<Due> {
    let Line {
        app,
        member_id,
        revision,
        state,
    } = line;
    let state = *state as u8;
    let mut places = db.prepare_cached(DUE)?;
    let from = behind.map_or(i64::MIN, |(at, _)| at.0);
    let mut found = places
        .query_map(params![app, member_id, revision, state, from, now.0], |row| {
            Ok((Millis(row.get(0)?), row.get(1)?))
        })?
        .filter(|place| {
            place.as_ref().map_or(true, |place| {
                behind.is_none_or(|behind| *place > behind) && !held(place.1)
            })
        })
        .take(limit + 1)
        .collect::<Result<Vec<Place>, _>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = db
        .prepare_cached(LATER)?
        .query_row(params![app, member_id, revision, state, now.0], |row| {
            row.get::<_, Option<i64>>(0)
        })?
        .map(Millis);
    let mut one = db.prepare_cached(&format!("SELECT {} FROM jobs WHERE id = ?1", row::COLUMNS))?;
    let jobs = found
        .into_iter()
        .map(|place| Ok((place, one.query_row([place.1], row::read)?)))
        .collect::<rusqlite::Result<_>>()?;
    Ok(Due { jobs, more, next })
}

/// Makes due those of the line's jobs that would be next.
pub(crate) fn wake(db: &Connection, line: &Line, now: Millis) -> rusqlite::Result<usize> {
    db.prepare_cached(WAKE)?.execute(params![
        line.app,
        line.member_id,
        line.revision,
        line.state as u8,
        now.0,
        WOKEN
    ])
}

/// The newest job's number.
pub(crate) fn newest(db: &Connection) -> rusqlite::Result<RowId> {
    db.query_row("SELECT coalesce(max(id), 0) FROM jobs", [], |row| row.get(0))
}

/// Makes due what the process before had in memory: accepted or sent, without a time in the store, not below the last mark of
/// what was settled. Gives their number.
pub(crate) fn recover(db: &Connection, now: Millis) -> rusqlite::Result<usize> {
    let settled = meta::settled(db)?;
    db.execute(
        "UPDATE jobs SET next_attempt = ?1 WHERE id >= ?2 AND next_attempt IS NULL \
         AND (state = ?3 OR (state = ?4 AND sent_second IS NOT NULL))",
        params![now.0, settled, State::Accepted as u8, State::Sent as u8],
    )
}
