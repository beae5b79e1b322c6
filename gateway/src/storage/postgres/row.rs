//! A job as a row.

use bitrix::post::EventToken;
use store::postgres::{Error, FromSql, Row, Type};

use crate::{
    job::{Action, Answer, Deadline, Job, Key, Millis, Outcome, Progress, Properties, State, Subscription},
    storage::StoredJob,
    trace::Trace,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, state, key, app, member_id, revision, workflow_id, code, document_module, document_entity, \
             document_id, type_module, type_entity, type_id, event_token, subscription, user_id, received, deadline, timed, \
             trace, payload, attempts, failures, faulty_since, sends, answer, answer_error, changed, problem, sent_second, \
             source FROM gateway.jobs ",
            $rest
        )
    };
}

/// For [`read`].
pub(super) const OF_IDS: &str = select!("WHERE lane = $1 AND id = ANY ($2)");
/// For [`read`].
pub(super) const QUARANTINED: &str =
    select!("WHERE state = 0 AND next_attempt <= $1 ORDER BY next_attempt, id LIMIT $2");

pub(super) fn read(row: &Row) -> Result<StoredJob, Error> {
    let state = row.try_get(1)?;
    let payload: Vec<u8> = row.try_get::<_, Option<Vec<u8>>>(21)?.unwrap_or_default();
    let properties = if state == State::Quarantined {
        Properties::default()
    } else {
        Properties::of_pairs(&payload)
    };
    let job = Job {
        key: row.try_get(2)?,
        app: row.try_get(3)?,
        member_id: row.try_get(4)?,
        revision: row.try_get::<_, &str>(5)?.into(),
        workflow_id: row.try_get(6)?,
        code: row.try_get(7)?,
        document_id: triple(row, 8)?,
        document_type: triple(row, 11)?,
        event_token: EventToken::new(row.try_get::<_, String>(14)?),
        subscription: row.try_get(15)?,
        user_id: row.try_get(16)?,
        received: Millis(row.try_get(17)?),
        deadline: Deadline {
            at: Millis(row.try_get(18)?),
            timed: row.try_get(19)?,
        },
        trace: row.try_get(20)?,
        ts: None,
        properties,
    };
    let progress = Progress {
        attempts: count(row, 22)?,
        failures: count(row, 23)?,
        faulty_since: row.try_get::<_, Option<i64>>(24)?.map(Millis),
        sends: count(row, 25)?,
        answer: match row.try_get::<_, Option<String>>(26)? {
            Some(values) => Some(Answer {
                values,
                error: row.try_get(27)?,
            }),
            None => None,
        },
        sent_second: row.try_get(30)?,
    };
    Ok(StoredJob {
        row: row.try_get(0)?,
        state,
        job,
        progress,
        payload,
        changed: Millis(row.try_get(28)?),
        problem: row.try_get(29)?,
    })
}

/// Three columns, all null or none.
fn triple(row: &Row, first: usize) -> Result<Option<[String; 3]>, Error> {
    let Some(one) = row.try_get(first)? else {
        return Ok(None);
    };
    Ok(Some([one, row.try_get(first + 1)?, row.try_get(first + 2)?]))
}

pub(super) fn count(row: &Row, index: usize) -> Result<u32, Error> {
    row.try_get::<_, i32>(index).map(i32::unsigned_abs)
}

macro_rules! from_sql {
    ($($type:ty: $sql:ty, $of:expr;)*) => {$(
        impl<'a> FromSql<'a> for $type {
            fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                let value = <$sql as FromSql>::from_sql(kind, raw)?;
                $of(value).ok_or_else(|| concat!("no ", stringify!($type)).into())
            }

            fn accepts(kind: &Type) -> bool {
                <$sql as FromSql>::accepts(kind)
            }
        }
    )*};
}

fn number(number: i16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

from_sql! {
    State: i16, |value| State::from_number(number(value));
    Outcome: i16, |value| Outcome::from_number(number(value));
    Action: i16, |value| Action::from_number(number(value));
    Subscription: i16, |value| Subscription::from_number(number(value));
    Key: &[u8], Key::from_bytes;
    Trace: &[u8], Trace::from_bytes;
}
