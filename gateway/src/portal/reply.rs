//! What comes of a request: what each part of a portal's reply means.

use std::collections::HashMap;

use bitrix::rest::{BatchReply, CallError, ErrorKind, Reply, Time};

use super::{
    Row, Verdict,
    operating::{Account, Operating},
    rows,
};
use crate::job::Millis;

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The portal took it.
    Taken,
    /// It didn't.
    Refused(Verdict, String),
    /// There is no token to send it with.
    NoToken(String),
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Exchanged {
    /// Of each answer, in order.
    pub(crate) answers: Vec<Sent>,
    /// What was read: the workflows that are not in it are gone.
    pub(crate) rows: Read,
    /// The second of the portal's clock in which the request began, as far as is known.
    pub(crate) second: i64,
}

/// What became of a request's readings.
#[derive(Debug)]
pub(crate) enum Read {
    Rows(HashMap<String, Row>),
    /// They can't be read with this token; why.
    Denied(String),
    /// The portal did not answer as it should.
    Failed(Verdict, String),
}

impl Sent {
    /// The label in metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused(verdict, _) => verdict.name(),
            Self::NoToken(_) => "no_token",
        }
    }
}

impl Exchanged {
    /// Nothing in the request was done.
    pub(super) fn refused(answers: usize, verdict: Verdict, problem: String, now: Millis) -> Self {
        Self {
            answers: vec![Sent::Refused(verdict.clone(), problem.clone()); answers],
            rows: if answers == 0 && verdict == Verdict::Forbidden {
                Read::Denied(problem)
            } else {
                Read::Failed(verdict, problem)
            },
            second: second(None, now),
        }
    }
}

/// A reply that was understood.
pub(super) enum Replied {
    /// To a lone answer.
    Taken(Option<Time>),
    /// To a lone reading.
    Read(Reply),
    Batch(BatchReply),
}

impl Replied {
    /// Takes note of what each method in it says of its time. Readings come first; a batch is not counted itself.
    fn note_times(&self, readings: usize, operating: &mut Operating, now: Millis) {
        let Operating {
            answers: sent,
            readings: read,
        } = operating;
        match self {
            Self::Taken(time) => time.iter().for_each(|time| sent.note(time, now)),
            Self::Read(reply) => reply.time.iter().for_each(|time| read.note(time, now)),
            Self::Batch(reply) => {
                let times = reply.times.iter().enumerate();
                for (at, time) in times.filter_map(|(at, time)| Some((at, time.as_ref()?))) {
                    let account = if at < readings { &mut *read } else { &mut *sent };
                    account.note(time, now);
                }
            }
        }
    }
}

/// What a refusal of a method means.
pub(super) fn verdict(error: &CallError, account: &mut Account, now: Millis) -> Verdict {
    match error.kind {
        ErrorKind::OperationTimeLimit => Verdict::Pause(account.blocked(now)),
        _ => Verdict::of(error),
    }
}

/// What became of the answers and the readings.
pub(super) fn judged(
    replied: Replied,
    (answers, readings): (usize, usize),
    operating: &mut Operating,
    end: Millis,
) -> Exchanged {
    replied.note_times(readings, operating, end);
    let (began, parts) = match replied {
        Replied::Taken(time) => {
            return Exchanged {
                answers: vec![Sent::Taken],
                rows: Read::Rows(HashMap::new()),
                second: second(time, end),
            };
        }
        Replied::Read(reply) => (reply.time, vec![Ok(reply.result)]),
        Replied::Batch(reply) => (reply.time, reply.results),
    };
    let mut read = Read::Rows(HashMap::new());
    let mut sent = Vec::with_capacity(answers);
    for (at, part) in parts.into_iter().enumerate() {
        if at >= readings {
            sent.push(match part {
                Ok(_) => Sent::Taken,
                Err(error) => Sent::Refused(
                    verdict(&error, &mut operating.answers, end),
                    format!("the portal refused the answer: {error}"),
                ),
            });
            continue;
        }
        let found = match part {
            Ok(result) => rows::read(&result).map_err(|problem| Read::Denied(problem.into())),
            Err(error) => Err(match verdict(&error, &mut operating.readings, end) {
                Verdict::Forbidden | Verdict::Barred => Read::Denied(error.to_string()),
                verdict => Read::Failed(verdict, error.to_string()),
            }),
        };
        match (&mut read, found) {
            (Read::Rows(rows), Ok(found)) => rows.extend(found),
            (Read::Rows(_), Err(failed)) => read = failed,
            _ => {}
        }
    }
    Exchanged {
        answers: sent,
        rows: read,
        second: second(began, end),
    }
}

/// The second in which a request began by the portal's clock; without its word the one in which it ended by ours, so that no
/// save before it counts as one after it.
fn second(time: Option<Time>, end: Millis) -> i64 {
    // A clock may be wrong, but what is no date before the year 3000 is none.
    let time = time.filter(|time| (0.0..3.3e10).contains(&time.start));
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is within that of whole numbers"
    )]
    time.map_or(end.0.div_euclid(1000), |time| time.start.floor() as i64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bitrix::rest::decode_batch;
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_begins_in_a_second_of_the_portals_clock() {
        let at = |start| {
            second(
                Some(Time {
                    start,
                    ..Time::default()
                }),
                Millis(5_999),
            )
        };
        assert_eq!((at(1_795_503_600.9), at(7.0)), (1_795_503_600, 7));
        for nonsense in [1e300, -1.0, f64::NAN] {
            assert_eq!(at(nonsense), 5, "{nonsense}");
        }
        assert_eq!(second(None, Millis(5_999)), 5);
    }

    #[test]
    fn a_blocked_method_rests_until_the_portal_counts_anew() {
        let mut operating = Operating::default();
        let time = Time {
            finish: 100.0,
            operating: Some(1.0),
            operating_reset_at: Some(130.0),
            ..Time::default()
        };
        judged(Replied::Taken(Some(time)), (1, 0), &mut operating, Millis(0));
        // A batch is not counted itself.
        let body = json!({
            "result": {"result": {}, "result_error": {"c0": {"error": "OPERATION_TIME_LIMIT"}}},
            "time": {"start": 109, "finish": 110, "duration": 1},
        });
        let reply = decode_batch(StatusCode::OK, &HeaderMap::new(), body.to_string().as_bytes(), 1).unwrap();
        let exchanged = judged(Replied::Batch(reply), (1, 0), &mut operating, Millis(10_000));
        let [Sent::Refused(verdict, _)] = &exchanged.answers[..] else {
            panic!("{exchanged:?}")
        };
        assert_eq!(*verdict, Verdict::Pause(Duration::from_secs(20)));
        assert!(operating.answers.rests(Millis(29_999)).is_some());
        assert_eq!(
            operating.readings.rests(Millis(10_000)),
            None,
            "the other method is not concerned"
        );
    }
}
