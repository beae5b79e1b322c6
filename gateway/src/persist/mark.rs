//! What becomes of a job: the second of its two writes, or a wait.

use rusqlite::{Connection, params};

use super::RowId;
use crate::job::{Millis, Outcome, Progress, State};

/// The end of work on a job, for now or for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) state: State,
    pub(crate) outcome: Option<Outcome>,
    /// When it is taken up again.
    pub(crate) next_attempt: Option<Millis>,
    pub(crate) progress: Progress,
    pub(crate) problem: Option<String>,
    pub(crate) changed: Millis,
}

impl Mark {
    /// Writes it. The payload is erased at the end; a sent job keeps it, because its answer may have to be repeated.
    pub(crate) fn write(&self, db: &Connection, row: RowId) -> rusqlite::Result<()> {
        if self.next_attempt.is_none() && self.state == State::Sent && self.problem.is_none() {
            // The usual end: as few columns as can be.
            return db
                .prepare_cached(
                    "UPDATE jobs SET state = ?2, outcome = ?3, attempts = ?4, sends = ?5, changed = ?6, \
                    next_attempt = NULL, problem = NULL, answer = NULL, answer_error = NULL WHERE id = ?1",
                )?
                .execute(params![
                    row,
                    self.state as u8,
                    self.outcome.map(|outcome| outcome as u8),
                    self.progress.attempts,
                    self.progress.sends,
                    self.changed.0,
                ])
                .map(drop);
        }
        let answer = self
            .progress
            .answer
            .as_ref()
            .filter(|_| self.state != State::Done && self.state != State::Sent);
        db.prepare_cached(
            "UPDATE jobs SET state = ?2, outcome = ?3, next_attempt = ?4, attempts = ?5, failures = ?6, \
             faulty_since = ?7, sends = ?8, answer = ?9, answer_error = ?10, problem = ?11, changed = ?12, \
             payload = CASE WHEN ?2 = 5 THEN NULL ELSE payload END WHERE id = ?1",
        )?
        .execute(params![
            row,
            self.state as u8,
            self.outcome.map(|outcome| outcome as u8),
            self.next_attempt.map(|at| at.0),
            self.progress.attempts,
            self.progress.failures,
            self.progress.faulty_since.map(|at| at.0),
            self.progress.sends,
            answer.map(|answer| answer.values.as_str()),
            answer.and_then(|answer| answer.error.as_deref()),
            self.problem,
            self.changed.0,
        ])
        .map(drop)
    }
}
