//! A job as a row.

use bitrix::post::EventToken;
use store::sqlite::rusqlite::{self, Row, types::Type};

use crate::{
    job::{Answer, Deadline, Job, Key, Millis, Progress, Properties, State, Subscription},
    storage::StoredJob,
    trace::Trace,
};

/// What [`read`] reads, in its order.
pub(crate) const COLUMNS: &str = "id, state, key, app, member_id, revision, workflow_id, code, document_module, \
    document_entity, document_id, type_module, type_entity, type_id, event_token, subscription, user_id, received, \
    deadline, timed, trace, payload, attempts, failures, faulty_since, sends, answer, answer_error, changed, problem, \
    sent_second";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<StoredJob> {
    let state = number(row, 1, State::from_number)?;
    let payload: Vec<u8> = row.get::<_, Option<Vec<u8>>>(21)?.unwrap_or_default();
    let properties = if state == State::Quarantined {
        Properties::default()
    } else {
        Properties::of_pairs(&payload)
    };
    let job = Job {
        key: blob(row, 2, Key::from_bytes)?,
        app: row.get(3)?,
        member_id: row.get(4)?,
        revision: row.get(5)?,
        workflow_id: row.get(6)?,
        code: row.get(7)?,
        document_id: triple(row, 8)?,
        document_type: triple(row, 11)?,
        event_token: EventToken::new(row.get::<_, String>(14)?),
        subscription: number(row, 15, Subscription::from_number)?,
        user_id: row.get(16)?,
        received: Millis(row.get(17)?),
        deadline: Deadline {
            at: Millis(row.get(18)?),
            timed: row.get(19)?,
        },
        trace: blob(row, 20, Trace::from_bytes)?,
        ts: None,
        properties,
    };
    let progress = Progress {
        attempts: row.get(22)?,
        failures: row.get(23)?,
        faulty_since: row.get::<_, Option<i64>>(24)?.map(Millis),
        sends: row.get(25)?,
        answer: match row.get::<_, Option<String>>(26)? {
            Some(values) => Some(Answer {
                values,
                error: row.get(27)?,
            }),
            None => None,
        },
        sent_second: row.get(30)?,
    };
    Ok(StoredJob {
        row: row.get(0)?,
        state,
        job,
        progress,
        payload,
        changed: Millis(row.get(28)?),
        problem: row.get(29)?,
    })
}

/// Three columns, all null or none.
fn triple(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<[String; 3]>> {
    let Some(one) = row.get(first)? else { return Ok(None) };
    Ok(Some([one, row.get(first + 1)?, row.get(first + 2)?]))
}

pub(super) fn number<T>(row: &Row<'_>, index: usize, of: impl Fn(u8) -> Option<T>) -> rusqlite::Result<T> {
    let number: u8 = row.get(index)?;
    of(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(index, number.into()))
}

fn blob<T>(row: &Row<'_>, index: usize, of: impl Fn(&[u8]) -> Option<T>) -> rusqlite::Result<T> {
    of(row.get_ref(index)?.as_blob()?)
        .ok_or_else(|| rusqlite::Error::InvalidColumnType(index, "a value of the right length".into(), Type::Blob))
}
