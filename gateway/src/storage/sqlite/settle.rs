//! What becomes of sent answers.

use store::sqlite::rusqlite::{self, Connection, params};

use crate::{
    job::State,
    storage::{Settle, Settling},
};

pub(crate) fn settle(db: &Connection, Settle { jobs, now }: &Settle) -> rusqlite::Result<usize> {
    jobs.iter()
        .map(|(row, settling)| match settling {
            Settling::Done { note } => db
                .prepare_cached(
                    "UPDATE jobs SET state = ?2, changed = ?3, next_attempt = NULL, payload = NULL, answer = NULL, \
                     answer_error = NULL, problem = coalesce(?4, problem) WHERE id = ?1 AND state = ?5",
                )?
                .execute(params![row, State::Done as u8, now.0, note, State::Sent as u8]),
            // What an older process sent has no answer in the store: the executor is asked again.
            Settling::Repeat => db
                .prepare_cached(
                    "UPDATE jobs SET state = CASE WHEN answer IS NULL THEN ?2 ELSE ?3 END, outcome = NULL, \
                     next_attempt = ?4 WHERE id = ?1 AND state = ?5",
                )?
                .execute(params![
                    row,
                    State::Accepted as u8,
                    State::AnsweredUnsent as u8,
                    now.0,
                    State::Sent as u8
                ]),
            Settling::Look(at) => db
                .prepare_cached("UPDATE jobs SET next_attempt = ?2 WHERE id = ?1 AND state = ?3")?
                .execute(params![row, at.0, State::Sent as u8]),
            Settling::Unproved => db
                .prepare_cached("UPDATE jobs SET next_attempt = NULL, sent_second = NULL WHERE id = ?1 AND state = ?2")?
                .execute(params![row, State::Sent as u8]),
            Settling::Park(problem) => db
                .prepare_cached(
                    "UPDATE jobs SET state = ?2, outcome = NULL, next_attempt = NULL, problem = ?3, changed = ?4 \
                     WHERE id = ?1 AND state = ?5",
                )?
                .execute(params![row, State::Parked as u8, problem, now.0, State::Sent as u8]),
        })
        .sum()
}
