//! The durable insert: the first of a job's two writes.

use store::sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use crate::{
    job::{Job, Millis, State},
    storage::{Accept, Inserted, Quarantined},
};

const INSERT: &str = "INSERT INTO jobs (key, state, app, member_id, revision, workflow_id, code, document_module, \
    document_entity, document_id, type_module, type_entity, type_id, event_token, subscription, user_id, received, \
    deadline, timed, trace, payload, next_attempt, changed, source, \
    sealed) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?17, ?23, \
    ?24) \
    ON CONFLICT (key) DO NOTHING";

/// Stores an accepted job.
pub(crate) fn accepted(db: &Connection, accept: &Accept) -> rusqlite::Result<Inserted> {
    let Accept {
        job,
        payload,
        next_attempt,
    } = accept;
    if insert(db, job, State::Accepted, payload, *next_attempt, None)? == 1 {
        return Ok(Inserted::New(db.last_insert_rowid()));
    }
    let promoted = db
        .prepare_cached(
            "UPDATE jobs SET state = ?2, app = ?3, revision = ?4, code = ?5, document_module = ?6, document_entity = ?7, \
             document_id = ?8, type_module = ?9, type_entity = ?10, type_id = ?11, event_token = ?12, subscription = ?13, \
             user_id = ?14, deadline = ?15, timed = ?16, payload = ?17, next_attempt = ?18, changed = ?18, source = NULL, \
             problem = NULL, outcome = NULL, trace = ?19, sealed = 0 \
             WHERE key = ?1 AND sealed AND (state IN (0, 6) OR outcome = 7) RETURNING id",
        )?
        .query_row(
            params![
                job.key.as_bytes(),
                State::Accepted as u8,
                job.app,
                job.revision,
                job.code,
                part(job.document_id.as_ref(), 0),
                part(job.document_id.as_ref(), 1),
                part(job.document_id.as_ref(), 2),
                part(job.document_type.as_ref(), 0),
                part(job.document_type.as_ref(), 1),
                part(job.document_type.as_ref(), 2),
                job.event_token.expose(),
                job.subscription as u8,
                job.user_id,
                job.deadline.at.0,
                job.deadline.timed,
                payload,
                job.received.0,
                job.trace.to_bytes(),
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(promoted.map_or(Inserted::Repeat, Inserted::Promoted))
}

/// Stores a job whose callback is not proved yet, unless it is a repeat. It is looked at once.
pub(crate) fn quarantined(db: &Connection, callback: &Quarantined) -> rusqlite::Result<usize> {
    let Quarantined { job, sealed, source } = callback;
    insert(db, job, State::Quarantined, sealed, Some(job.received), Some(source))
}

fn insert(
    db: &Connection,
    job: &Job,
    state: State,
    payload: &[u8],
    next_attempt: Option<Millis>,
    source: Option<&str>,
) -> rusqlite::Result<usize> {
    db.prepare_cached(INSERT)?.execute(params![
        job.key.as_bytes(),
        state as u8,
        job.app,
        job.member_id,
        job.revision,
        job.workflow_id,
        job.code,
        part(job.document_id.as_ref(), 0),
        part(job.document_id.as_ref(), 1),
        part(job.document_id.as_ref(), 2),
        part(job.document_type.as_ref(), 0),
        part(job.document_type.as_ref(), 1),
        part(job.document_type.as_ref(), 2),
        job.event_token.expose(),
        job.subscription as u8,
        job.user_id,
        job.received.0,
        job.deadline.at.0,
        job.deadline.timed,
        job.trace.to_bytes(),
        payload,
        next_attempt.map(|at| at.0),
        source,
        state == State::Quarantined,
    ])
}

fn part(triple: Option<&[String; 3]>, index: usize) -> Option<&str> {
    triple.map(|triple| triple[index].as_str())
}
