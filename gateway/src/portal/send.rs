//! One request to a portal: answers, readings of workflows, or both.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bitrix::rest::{Command, ErrorKind, batch_body, check_reply, decode_batch, decode_reply};
use proto::registrar::v1::RecheckRequest;
use service::{
    system_time,
    telemetry::{self, KeyValue},
};

use super::{
    Portal, Portals, Verdict,
    client::SendError,
    operating::Operating,
    reply::{Exchanged, Replied, Sent, judged, verdict},
    rows,
    token::{EVENT_SEND, NoToken, Token},
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
    /// As a batch carries it, if that is at hand.
    pub(crate) command: Option<Command>,
}

impl Portals {
    /// Sends answers and reads workflows, `read` of them at most [`rows::PAGE`] in each part, with one request; with a second one
    /// when the first one's token was over. Values of several answers must be safe in a batch.
    pub(crate) async fn exchange(
        &self,
        portal: &Portal,
        answers: &mut [Sending<'_>],
        read: &[&[Arc<str>]],
    ) -> Exchanged {
        let mut rejected: Option<Arc<Token>> = None;
        loop {
            let job = answers.first_mut().map(|answer| (answer.job, &mut *answer.timeline));
            let asked = portal
                .tokens
                .get(&self.registrar, &self.clock, portal, rejected.as_deref(), job)
                .await;
            let token = match asked {
                Ok(token) => token,
                Err(no) => return self.without_token(answers.len(), no),
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
            let error = match replied {
                Ok(replied) => {
                    portal.limits.lock().replied(start.duration_until(end).unsigned_abs());
                    let mut operating = portal.operating.lock();
                    return judged(replied, (answers.len(), read.len()), &mut operating, end.into());
                }
                Err(error) => error,
            };
            let (verdict, problem) = self.refused(portal, answers.is_empty(), error, end.into()).await;
            let verdict = match verdict {
                Verdict::Token if rejected.is_none() => {
                    rejected = Some(token);
                    continue;
                }
                // Even a new one: the portal is in trouble.
                Verdict::Token => Verdict::Closed(TWICE),
                verdict => verdict,
            };
            return Exchanged::refused(answers.len(), verdict, problem, end.into());
        }
    }

    /// What it means that a request as a whole was not taken.
    async fn refused(&self, portal: &Portal, reads: bool, error: SendError, now: Millis) -> (Verdict, String) {
        let error = match error {
            SendError::Transport(problem) => {
                let problem = format!("the portal can't be reached: {problem}");
                return (Verdict::Pause(Duration::ZERO), problem);
            }
            SendError::Portal(error) => error,
        };
        if error.kind == ErrorKind::RateLimited {
            portal.limits.lock().overflowed(now);
        }
        let verdict = {
            let mut operating = portal.operating.lock();
            let Operating { answers, readings } = &mut *operating;
            verdict(&error, if reads { readings } else { answers }, now)
        };
        let told = match verdict {
            _ if error.location.is_some() => Some("302"),
            Verdict::Closed(_) | Verdict::Barred => Some(error.code.as_str()),
            _ => None,
        };
        if let Some(code) = told {
            // Another administrator or a new installation brings another token, and a portal that moved another address: a redirect
            // is never followed, the registrar asks the OAuth server.
            portal.tokens.forget().await;
            self.tell(portal, code);
        }
        let what = if reads { "to tell of workflows" } else { "the answer" };
        (verdict, format!("the portal refused {what}: {error}"))
    }

    fn without_token(&self, answers: usize, no: NoToken) -> Exchanged {
        let now = self.clock.now().into();
        match no {
            NoToken::Gone(problem) => Exchanged::refused(answers, Verdict::PortalGone, problem, now),
            NoToken::NotNow(problem) => Exchanged {
                answers: vec![Sent::NoToken(problem.clone()); answers],
                ..Exchanged::refused(0, Verdict::Token, problem, now)
            },
        }
    }

    async fn lone_answer(&self, token: &Token, answer: &Sending<'_>) -> Result<Replied, SendError> {
        let body = answer.body(token.access.expose());
        let url = &token.methods.event_send;
        self.http.post(url, body, check_reply).await.map(Replied::Taken)
    }

    async fn lone_reading(&self, token: &Token, ids: &[Arc<str>]) -> Result<Replied, SendError> {
        let mut params = rows::params(ids);
        params["auth"] = token.access.expose().into();
        let url = &token.methods.instances;
        self.http
            .post(url, params.to_string().into_bytes(), decode_reply)
            .await
            .map(Replied::Read)
    }

    async fn batch(
        &self,
        token: &Token,
        answers: &mut [Sending<'_>],
        read: &[&[Arc<str>]],
    ) -> Result<Replied, SendError> {
        let readings = read.iter().copied().map(rows::command);
        let commands: Vec<_> = readings.chain(answers.iter_mut().map(Sending::command)).collect();
        let body = batch_body(token.access.expose(), &commands).map_err(SendError::Portal)?;
        self.http
            .post(&token.methods.batch, body, |status, headers, body| {
                decode_batch(status, headers, body, commands.len())
            })
            .await
            .map(Replied::Batch)
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
        let span = timeline.client(job.trace, EVENT_SEND, telemetry::span_id(), when, attributes);
        span.problem = failed;
        // The token was issued in the trace of another job: link to it.
        let elsewhere = token.issued.is_sampled() && token.issued.trace_id() != job.trace.id;
        span.link = elsewhere.then(|| token.issued.clone());
    }
}
