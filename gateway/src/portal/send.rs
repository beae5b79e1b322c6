//! One request to a portal: answers, readings of workflows, or both.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use bitrix::rest::{Command, Reply, Time, batch_params, batch_results, check_reply, decode_reply};
use data_encoding::HEXLOWER;
use proto::registrar::v1::RecheckRequest;
use serde::Serialize;
use serde_json::{Value, json};
use service::{
    system_time,
    telemetry::{self, KeyValue},
};

use super::{
    Portal, Portals, Row, Verdict,
    client::SendError,
    rows,
    token::{NoToken, Token},
};
use crate::{
    job::{Answer, Job, Millis},
    timeline::Timeline,
};

/// A portal that refuses two tokens in a row is left alone for so long, at least.
const TWICE: Duration = Duration::from_secs(5);

/// An answer to be sent.
pub(crate) struct Sending<'a> {
    pub(crate) job: &'a Job,
    pub(crate) answer: &'a Answer,
    pub(crate) timeline: &'a mut Timeline,
    /// Its parameters in a batch, if they are at hand.
    pub(crate) params: Option<Value>,
}

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

/// The body of `bizproc.event.send`. JSON, because a form can't carry an empty list or tell a text from a number.
#[derive(Serialize)]
struct EventSend<'a> {
    auth: &'a str,
    event_token: &'a str,
    log_message: &'a str,
    // `return_values` follows: it is JSON already.
}

/// A reply that was understood.
enum Replied {
    /// To a lone answer.
    Taken(Option<Time>),
    Whole(Reply),
}

impl Replied {
    /// What each method in it says of its time.
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

impl Portals {
    /// Sends answers and reads workflows, `read` of them at most [`rows::PAGE`] in each part, with one request; with a second one
    /// when the first one's token was over. Values of several answers must be safe in a batch.
    pub(crate) async fn exchange(
        &self,
        portal: &Portal,
        answers: &mut [Sending<'_>],
        read: &[Vec<String>],
    ) -> Exchanged {
        let mut rejected: Option<std::sync::Arc<Token>> = None;
        loop {
            let job = answers.first_mut().map(|answer| (answer.job, &mut *answer.timeline));
            let asked = portal
                .tokens
                .get(&self.registrar, &self.clock, portal, rejected.as_deref(), job)
                .await;
            let token = match asked {
                Ok(token) => token,
                Err(no) => return self.without_token(answers.len(), &no),
            };
            let start = self.clock.now();
            let replied = match (&mut *answers, read) {
                ([answer], []) => self.lone_answer(&token, answer).await,
                ([], [ids]) => self.lone_reading(&token, ids).await,
                (answers, read) => self.batch(&token, answers, read).await,
            };
            let end = self.clock.now();
            note(
                answers,
                portal,
                &token,
                (system_time(start), system_time(end)),
                &replied,
            );
            let (verdict, problem, moved) = match replied {
                Ok(replied) => {
                    let mut limits = portal.limits.lock();
                    limits.replied(start.duration_until(end).unsigned_abs());
                    for time in replied.times() {
                        let reset = time.operating_reset_at.map_or(0.0, |at| at - time.finish);
                        let reset = Duration::try_from_secs_f64(reset).unwrap_or_default();
                        limits.operated(time.operating.unwrap_or_default(), reset, end.into());
                    }
                    drop(limits);
                    return judged(replied, answers.len(), read.len(), Millis::from(end));
                }
                Err(SendError::Transport(problem)) => {
                    let problem = format!("the portal can't be reached: {problem}");
                    (Verdict::Pause(Duration::ZERO), problem, None)
                }
                Err(SendError::Portal(error)) => {
                    let moved = error.location.is_some().then_some("302");
                    let problem = format!("the portal refused the answer: {error}");
                    let verdict = Verdict::of(&error);
                    let told = matches!(verdict, Verdict::Closed(_) | Verdict::Barred).then_some(error.code);
                    if error.kind == bitrix::rest::ErrorKind::RateLimited {
                        portal.limits.lock().overflowed(end.into());
                    }
                    if let Some(code) = told.as_deref().or(moved) {
                        // Another administrator or a new installation brings another token, and a portal that moved another
                        // address: a redirect is never followed, the registrar asks the OAuth server.
                        portal.tokens.forget().await;
                        self.tell(portal, code);
                    }
                    (verdict, problem, moved)
                }
            };
            if verdict == Verdict::Token && moved.is_none() {
                if rejected.is_none() {
                    rejected = Some(token);
                    continue;
                }
                // Even a new one: the portal is in trouble.
                let verdict = Verdict::Closed(TWICE);
                return Exchanged {
                    answers: vec![Sent::Refused(verdict.clone(), problem.clone()); answers.len()],
                    rows: Read::Failed(verdict, problem),
                    second: second(None, end.into()),
                };
            }
            let alone = answers.is_empty() && matches!(verdict, Verdict::Forbidden);
            return Exchanged {
                answers: vec![Sent::Refused(verdict.clone(), problem.clone()); answers.len()],
                rows: if alone {
                    Read::Denied(problem)
                } else {
                    Read::Failed(verdict, problem)
                },
                second: second(None, end.into()),
            };
        }
    }

    fn without_token(&self, answers: usize, no: &NoToken) -> Exchanged {
        let (sent, verdict, problem) = match no {
            NoToken::Gone(problem) => (
                Sent::Refused(Verdict::PortalGone, problem.clone()),
                Verdict::PortalGone,
                problem,
            ),
            NoToken::NotNow(problem) => (Sent::NoToken(problem.clone()), Verdict::Token, problem),
        };
        Exchanged {
            answers: vec![sent; answers],
            rows: Read::Failed(verdict, problem.clone()),
            second: second(None, self.clock.now().into()),
        }
    }

    async fn lone_answer(&self, token: &Token, answer: &Sending<'_>) -> Result<Replied, SendError> {
        let body = answer.body(token.access.expose());
        let url = &token.methods.event_send;
        self.http.post(url, body, check_reply).await.map(Replied::Taken)
    }

    async fn lone_reading(&self, token: &Token, ids: &[String]) -> Result<Replied, SendError> {
        let mut params = rows::params(ids);
        params["auth"] = token.access.expose().into();
        let url = &token.methods.instances;
        self.http
            .post(url, params.to_string().into_bytes(), decode_reply)
            .await
            .map(Replied::Whole)
    }

    async fn batch(
        &self,
        token: &Token,
        answers: &mut [Sending<'_>],
        read: &[Vec<String>],
    ) -> Result<Replied, SendError> {
        let readings = read.iter().map(|ids| Command {
            method: rows::METHOD.into(),
            params: rows::params(ids),
        });
        let commands: Vec<_> = readings.chain(answers.iter_mut().map(Sending::command)).collect();
        let mut params = batch_params(&commands, false).map_err(SendError::Portal)?;
        params["auth"] = token.access.expose().into();
        let url = &token.methods.batch;
        self.http
            .post(url, params.to_string().into_bytes(), decode_reply)
            .await
            .map(Replied::Whole)
    }

    /// Tells the registrar that something is wrong with an installation.
    fn tell(&self, portal: &Portal, error: &str) {
        let registrar = self.registrar.clone();
        let request = RecheckRequest {
            app: portal.app.clone(),
            member_id: portal.member_id.clone(),
            error: error.to_owned(),
        };
        tokio::spawn(async move {
            let (app, member_id) = (request.app.clone(), request.member_id.clone());
            if let Err(status) = registrar.recheck(request).await {
                tracing::warn!(
                    app,
                    member_id,
                    error = status.message(),
                    "the registrar could not be told of a portal's refusal"
                );
            }
        });
    }
}

/// What each part of a reply means.
fn judged(replied: Replied, answers: usize, readings: usize, end: Millis) -> Exchanged {
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
                Err(error) => Sent::Refused(Verdict::of(&error), format!("the portal refused the answer: {error}")),
            });
            continue;
        }
        let found = match part {
            Ok(result) => rows::read(&result).map_err(|problem| Read::Denied(problem.into())),
            Err(error) => Err(match Verdict::of(&error) {
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
fn second(time: Option<Time>, end: Millis) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    time.map_or(end.0.div_euclid(1000), |time| time.start.floor() as i64)
}

/// Notes a POST to the portal in the trace of each answer that it carried.
fn note(
    answers: &mut [Sending<'_>],
    portal: &Portal,
    token: &Token,
    when: (SystemTime, SystemTime),
    replied: &Result<Replied, SendError>,
) {
    let together = i64::try_from(answers.len()).unwrap_or(i64::MAX);
    for Sending { job, timeline, .. } in answers.iter_mut().filter(|answer| answer.job.trace.sampled) {
        let mut attributes = Vec::with_capacity(9);
        attributes.extend([
            KeyValue::new("http.request.method", "POST"),
            // The token is in the body.
            KeyValue::new("url.full", token.methods.url(together == 1)),
            KeyValue::new("bizproc.portal", portal.member_id.clone()),
        ]);
        if together > 1 {
            attributes.push(KeyValue::new("bizproc.answers", together));
        }
        attributes.extend(token.server.attributes());
        let (status, problem) = match replied {
            Ok(_) => (Some(200), None),
            Err(SendError::Portal(error)) => (error.status, Some((error.code.clone(), error.to_string()))),
            Err(SendError::Transport(problem)) => (None, Some(("transport".into(), problem.clone()))),
        };
        attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
        let mut failed = None;
        if let Some((kind, problem)) = problem {
            attributes.push(KeyValue::new("error.type", kind));
            failed = Some(problem);
        }
        let span = timeline.client(job.trace, "bizproc.event.send", telemetry::span_id(), when, attributes);
        span.problem = failed;
        // The token was issued in the trace of another job: link to it.
        let elsewhere = token.issued.is_sampled() && token.issued.trace_id() != job.trace.id;
        span.link = elsewhere.then(|| token.issued.clone());
    }
}

impl Sending<'_> {
    fn body(&self, access_token: &str) -> Vec<u8> {
        let log_message = log_message(self.job, self.answer);
        let mut body = Vec::with_capacity(512 + self.answer.values.len());
        let beginning = EventSend {
            auth: access_token,
            event_token: self.job.event_token.expose(),
            log_message: &log_message,
        };
        serde_json::to_writer(&mut body, &beginning).expect("texts become JSON, and memory takes them");
        body.pop();
        body.extend_from_slice(b",\"return_values\":");
        body.extend_from_slice(self.answer.values.as_bytes());
        body.push(b'}');
        body
    }

    fn command(&mut self) -> Command {
        Command {
            method: "bizproc.event.send".into(),
            params: self.params.take().unwrap_or_else(|| params(self.job, self.answer)),
        }
    }
}

/// The parameters of an answer as a batch's command has them.
pub(crate) fn params(job: &Job, answer: &Answer) -> Value {
    json!({
        "EVENT_TOKEN": job.event_token.expose(),
        "RETURN_VALUES": serde_json::from_str::<Value>(&answer.values).unwrap_or_default(),
        "LOG_MESSAGE": log_message(job, answer),
    })
}

/// What the workflow's log shows: the job, never the user's data. A portal's security filter alters free text, but
/// not these words and digits.
fn log_message(job: &Job, answer: &Answer) -> String {
    let (id, trace) = (job.id(), job.trace);
    let mut text = match &answer.error {
        None => format!("Answered by job {id}"),
        Some(error) => format!("{}; job {id}", excerpt(error)),
    };
    if trace.sampled {
        text.push_str(", trace ");
        HEXLOWER.encode_append(&trace.id.to_bytes(), &mut text);
    }
    text
}

/// The log keeps 64 KB of a line; a person reads less.
fn excerpt(error: &str) -> &str {
    const BYTES: usize = 2000;
    let mut end = error.len().min(BYTES);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    &error[..end]
}
