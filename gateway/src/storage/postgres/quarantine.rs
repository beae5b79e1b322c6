//! Jobs whose callback is not proved yet.

use store::postgres::{Connection, Error, ToSql, text};

use super::{lane, row, text::part};
use crate::{
    job::Millis,
    storage::{Decision, Quarantined, QuarantinedJob, Sources, Step},
};

/// What is set for a discarded job.
macro_rules! discarded {
    () => {
        "state = 5, outcome = 7, payload = NULL, event_token = '', answer = NULL, answer_error = NULL, next_attempt = NULL"
    };
}
pub(super) use discarded;

/// Parked jobs without proof that are kept for a person: a stranger must not fill the disk with more.
const UNPROVED: i64 = 1000;

const INSERT: &str = "INSERT INTO gateway.jobs (lane, id, key, state, app, member_id, revision, workflow_id, code, \
    document_module, document_entity, document_id, type_module, type_entity, type_id, event_token, subscription, user_id, \
    received, deadline, timed, trace, payload, sealed, next_attempt, changed, source) \
    VALUES ($1, nextval('gateway.ids') * 256 + $1::smallint, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
    $16, $17, $18, $19, $20, $21, true, $17, $17, $22) ON CONFLICT (lane, key) DO NOTHING";

/// Of jobs in quarantine: nothing happens to one that left it meanwhile, because an authentic repeat came.
const ACCEPT: &str = "UPDATE gateway.jobs SET state = 1, revision = $3, payload = $4, next_attempt = $5, changed = $5, \
    source = NULL, problem = NULL, sealed = false WHERE lane = $1 AND id = $2 AND state = 0";
const WAIT: &str = "UPDATE gateway.jobs SET next_attempt = $3, problem = $4, changed = $5 \
    WHERE lane = $1 AND id = $2 AND state = 0";
const PROVED: &str = "UPDATE gateway.jobs SET source = NULL, next_attempt = $3, problem = $4, changed = $5 \
    WHERE lane = $1 AND id = $2 AND state = 0";
const DISCARD: &str = concat!(
    "UPDATE gateway.jobs SET ",
    discarded!(),
    ", problem = $3, changed = $4 WHERE lane = $1 AND id = $2 AND state = 0"
);
const PARK: &str = "UPDATE gateway.jobs SET state = 6, next_attempt = NULL, problem = $3, changed = $4 \
    WHERE lane = $1 AND id = $2 AND state = 0";
/// The oldest parked jobs without proof go.
pub(super) const EVICT: &str = concat!(
    "UPDATE gateway.jobs AS j SET ",
    discarded!(),
    ", changed = $2 FROM unnest(ARRAY(SELECT id FROM gateway.jobs WHERE state = 6 AND source IS NOT NULL ORDER BY id DESC OFFSET $1)) \
     AS old (id) WHERE j.lane = old.id & 255 AND j.id = old.id"
);

/// Stores a job whose callback is not proved yet, unless it is a repeat. It is looked at once.
pub(super) async fn insert(db: &Connection, callback: &Quarantined) -> Result<usize, Error> {
    let Quarantined { job, sealed, source } = callback;
    let (document, kind) = (job.document_id.as_ref(), job.document_type.as_ref());
    db.execute(
        INSERT,
        &[
            &lane::of_job(job),
            &job.key.as_bytes(),
            &text(&job.app),
            &text(&job.member_id),
            &text(&job.revision),
            &text(&job.workflow_id),
            &text(&job.code),
            &part(document, 0),
            &part(document, 1),
            &part(document, 2),
            &part(kind, 0),
            &part(kind, 1),
            &part(kind, 2),
            &text(job.event_token.expose()),
            &(job.subscription as i16),
            &job.user_id,
            &job.received.0,
            &job.deadline.at.0,
            &job.deadline.timed,
            &job.trace.to_bytes().as_slice(),
            sealed,
            &text(source),
        ],
    )
    .await
}

/// What came without proof, callbacks and events.
pub(super) async fn sources(db: &Connection) -> Result<Sources, Error> {
    let sql = "SELECT source, coalesce(length(payload), 0) FROM gateway.jobs \
        WHERE state = 0 AND next_attempt IS NOT NULL AND source IS NOT NULL \
        UNION ALL SELECT source, length(body) FROM gateway.events";
    let rows = db.query(sql, &[]).await?;
    let sources = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get::<_, i32>(1)?.unsigned_abs())));
    sources.collect()
}

/// What is to be looked at again at `now`, earliest first.
pub(super) async fn due(db: &Connection, now: Millis, limit: u32) -> Result<Vec<QuarantinedJob>, Error> {
    let rows = db.query(row::QUARANTINED, &[&now.0, &i64::from(limit)]).await?;
    let jobs = rows.iter().map(|row| {
        Ok(QuarantinedJob {
            stored: row::read(row)?,
            source: row.try_get("source")?,
        })
    });
    jobs.collect()
}

/// When the next one is due.
pub(super) async fn next(db: &Connection) -> Result<Option<Millis>, Error> {
    let sql = "SELECT min(next_attempt) FROM gateway.jobs WHERE state = 0 AND next_attempt IS NOT NULL";
    Ok(db.value(sql, &[]).await?.map(Millis))
}

/// Writes a decision; gives how many parked jobs had to go for it.
pub(super) async fn decide(db: &Connection, decision: &Decision) -> Result<usize, Error> {
    let (now, next) = (decision.now.0, decision.next.0);
    let set = async |sql, values: [&(dyn ToSql + Sync); 3]| {
        let [one, two, three] = values;
        let lane = lane::of_row(decision.row);
        db.execute(sql, &[&lane, &decision.row, one, two, three]).await
    };
    let end = async |sql, problem: &str| {
        let lane = lane::of_row(decision.row);
        db.execute(sql, &[&lane, &decision.row, &text(problem), &now]).await
    };
    match &decision.step {
        Step::Accept { revision, pairs } => set(ACCEPT, [&text(revision), pairs, &now]).await?,
        Step::Wait(problem) => set(WAIT, [&next, &text(problem), &now]).await?,
        // One sees by the missing source that it is proved.
        Step::Proved(problem) => set(PROVED, [&next, &text(problem), &now]).await?,
        Step::Discard(problem) => end(DISCARD, problem).await?,
        Step::Park(problem) => {
            end(PARK, problem).await?;
            return db.execute(EVICT, &[&UNPROVED, &now]).await;
        }
    };
    Ok(0)
}

/// Everything is to be looked at again.
pub(super) async fn wake(db: &Connection, now: Millis) -> Result<usize, Error> {
    let sql = "UPDATE gateway.jobs SET next_attempt = $1 WHERE state = 0 AND next_attempt > $1";
    db.execute(sql, &[&now.0]).await
}
