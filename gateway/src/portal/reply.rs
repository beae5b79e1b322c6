//! What each part of a portal's reply means.

use std::{collections::HashMap, time::Duration};

use bitrix::rest::{CallError, ErrorKind, Reply, Time, batch_results};
use serde_json::Value;

use super::{Exchanged, Limits, Read, Sent, Verdict, rows};
use crate::job::Millis;

/// A reply that was understood.
pub(super) enum Replied {
    /// To a lone answer.
    Taken(Option<Time>),
    Whole(Reply),
}

impl Replied {
    /// Takes note of what each method in it says of its time.
    fn note_times(&self, limits: &mut Limits, now: Millis) {
        for time in self.times() {
            if let (Some(operating), Some(reset_at)) = (time.operating, time.operating_reset_at) {
                let reset = Duration::try_from_secs_f64(reset_at - time.finish).unwrap_or_default();
                limits.operated(operating, reset, now);
            }
        }
    }

    fn times(&self) -> Vec<Time> {
        match self {
            Self::Taken(time) => time.iter().copied().collect(),
            Self::Whole(reply) => {
                let parts = reply.result.get("result_time").and_then(Value::as_object);
                let parts = parts.into_iter().flatten().filter_map(|(_, time)| Time::of_json(time));
                reply.time.into_iter().chain(parts).collect()
            }
        }
    }
}

/// What a refusal means, which may be about the portal's limits.
pub(super) fn verdict(error: &CallError, limits: &mut Limits, now: Millis) -> Verdict {
    match error.kind {
        ErrorKind::RateLimited => limits.overflowed(now),
        ErrorKind::OperationTimeLimit => return Verdict::Pause(limits.blocked(now)),
        _ => {}
    }
    Verdict::of(error)
}

/// What became of the answers and the readings.
pub(super) fn judged(
    replied: Replied,
    (answers, readings): (usize, usize),
    limits: &mut Limits,
    end: Millis,
) -> Exchanged {
    replied.note_times(limits, end);
    let reply = match replied {
        Replied::Taken(time) => {
            return Exchanged {
                answers: vec![Sent::Taken],
                rows: Read::Rows(HashMap::new()),
                second: second(time, end),
            };
        }
        Replied::Whole(reply) => reply,
    };
    let began = second(reply.time, end);
    let lone = answers == 0 && readings == 1;
    let parts = if lone {
        vec![Ok(reply.result)]
    } else {
        batch_results(&reply, answers + readings)
    };
    let mut read = Read::Rows(HashMap::new());
    let mut sent = Vec::with_capacity(answers);
    for (at, part) in parts.into_iter().enumerate() {
        if at >= readings {
            sent.push(match part {
                Ok(_) => Sent::Taken,
                Err(error) => Sent::Refused(
                    verdict(&error, limits, end),
                    format!("the portal refused the answer: {error}"),
                ),
            });
            continue;
        }
        let found = match part {
            Ok(result) => rows::read(&result).map_err(|problem| Read::Denied(problem.into())),
            Err(error) => Err(match verdict(&error, limits, end) {
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
        second: began,
    }
}

/// The second in which a request began by the portal's clock; without its word the one in which it ended by ours, so that no
/// save before it counts as one after it.
pub(super) fn second(time: Option<Time>, end: Millis) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    time.map_or(end.0.div_euclid(1000), |time| time.start.floor() as i64)
}

#[cfg(test)]
mod tests {
    use bitrix::rest::decode_reply;
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;
    use crate::portal::Rates;

    #[test]
    fn a_blocked_method_rests_until_the_portal_counts_anew() {
        let mut limits = Limits::new(Rates {
            burst: 50.0,
            per_second: 2.0,
            at_once: 4,
        });
        let time = Time {
            finish: 100.0,
            operating: Some(1.0),
            operating_reset_at: Some(130.0),
            ..Time::default()
        };
        judged(Replied::Taken(Some(time)), (1, 0), &mut limits, Millis(0));
        // A batch is not counted itself.
        let body = json!({
            "result": {"result": {}, "result_error": {"c0": {"error": "OPERATION_TIME_LIMIT"}}},
            "time": {"start": 109, "finish": 110, "duration": 1},
        });
        let reply = decode_reply(StatusCode::OK, &HeaderMap::new(), body.to_string().as_bytes()).unwrap();
        let exchanged = judged(Replied::Whole(reply), (1, 0), &mut limits, Millis(10_000));
        let [Sent::Refused(verdict, _)] = &exchanged.answers[..] else {
            panic!("{exchanged:?}")
        };
        assert_eq!(*verdict, Verdict::Pause(Duration::from_secs(20)));
    }
}
