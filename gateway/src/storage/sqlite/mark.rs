//! What becomes of a job.

use store::sqlite::rusqlite::{self, Connection, params};

use crate::{
    job::State,
    storage::{Mark, RowId},
};

/// Writes the mark.
pub(crate) fn write(db: &Connection, row: RowId, mark: &Mark) -> rusqlite::Result<usize> {
    if mark.next_attempt.is_none() && mark.state == State::Sent && mark.problem.is_none() {
        // The usual way: as few columns as can be.
        return db
            .prepare_cached(
                "UPDATE jobs SET state = ?2, outcome = ?3, attempts = ?4, sends = ?5, changed = ?6, \
                next_attempt = NULL, problem = NULL, answer = ?7, answer_error = NULL, sent_second = ?8 WHERE id = ?1",
            )?
            .execute(params![
                row,
                mark.state as u8,
                mark.outcome.map(|outcome| outcome as u8),
                mark.progress.attempts,
                mark.progress.sends,
                mark.changed.0,
                mark.progress.answer.as_ref().map(|answer| answer.values.as_str()),
                mark.progress.sent_second,
            ]);
    }
    let erased = mark.erases();
    let answer = mark.progress.answer.as_ref().filter(|_| !erased);
    db.prepare_cached(
        "UPDATE jobs SET state = ?2, outcome = ?3, next_attempt = ?4, attempts = ?5, failures = ?6, \
         faulty_since = ?7, sends = ?8, answer = ?9, answer_error = ?10, problem = ?11, changed = ?12, \
         payload = CASE WHEN ?13 THEN NULL ELSE payload END, sent_second = ?14 WHERE id = ?1",
    )?
    .execute(params![
        row,
        mark.state as u8,
        mark.outcome.map(|outcome| outcome as u8),
        mark.next_attempt.map(|at| at.0),
        mark.progress.attempts,
        mark.progress.failures,
        mark.progress.faulty_since.map(|at| at.0),
        mark.progress.sends,
        answer.map(|answer| answer.values.as_str()),
        answer.and_then(|answer| answer.error.as_deref()),
        mark.problem,
        mark.changed.0,
        erased,
        mark.progress.sent_second,
    ])
}
