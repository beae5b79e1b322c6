use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use proto::registrar::v1::RecheckRequest;
use serde::Serialize;
use service::{
    system_time,
    telemetry::{self, KeyValue},
};

use super::{
    Portal, Portals, Verdict,
    client::SendError,
    token::{NoToken, Token},
};
use crate::{
    job::{Answer, Job},
    timeline::Timeline,
};

/// An answer to be sent.
pub(crate) struct Sending<'a> {
    pub(crate) job: &'a Job,
    pub(crate) answer: &'a Answer,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The portal took it.
    Taken,
    /// It didn't.
    Refused(Verdict, String),
    /// There is no token to send it with.
    NoToken(String),
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

impl Portals {
    /// Sends an answer, once; a second time when the first one's token was over.
    pub(crate) async fn send(&self, portal: &Portal, sending: &Sending<'_>, timeline: &mut Timeline) -> Sent {
        let job = sending.job;
        let mut rejected: Option<std::sync::Arc<Token>> = None;
        loop {
            let token = match portal
                .tokens
                .get(&self.registrar, &self.clock, job, rejected.as_deref(), timeline)
                .await
            {
                Ok(token) => token,
                Err(NoToken::Gone(problem)) => return Sent::Refused(Verdict::PortalGone, problem),
                Err(NoToken::NotNow(problem)) => return Sent::NoToken(problem),
            };
            let body = match sending.body(token.access.expose()) {
                Ok(body) => body,
                Err(error) => return Sent::Refused(Verdict::Forbidden, format!("the answer can't be sent: {error}")),
            };
            let start = self.clock.now();
            let replied = self.http.post(&token.event_send, body).await;
            if job.trace.sampled {
                let when = (system_time(start), system_time(self.clock.now()));
                note(timeline, job, &token, when, &replied);
            }
            let error = match replied {
                Ok(()) => return Sent::Taken,
                Err(SendError::Transport(problem)) => {
                    return Sent::Refused(
                        Verdict::Pause(Duration::ZERO),
                        format!("the portal can't be reached: {problem}"),
                    );
                }
                Err(SendError::Portal(error)) => error,
            };
            let verdict = Verdict::of(&error);
            let problem = format!("the portal refused the answer: {error}");
            match verdict {
                Verdict::Token if rejected.is_none() => rejected = Some(token),
                Verdict::Token => return Sent::NoToken(problem),
                Verdict::PortalGone | Verdict::Barred => {
                    // Another administrator or a new installation brings another token.
                    portal.tokens.forget().await;
                    self.tell(job, &error.code);
                    return Sent::Refused(verdict, problem);
                }
                Verdict::Pause(_) if error.location.is_some() => {
                    // It moved. A redirect is never followed: the registrar asks the OAuth server where to.
                    portal.tokens.forget().await;
                    self.tell(job, "302");
                    return Sent::Refused(verdict, problem);
                }
                _ => return Sent::Refused(verdict, problem),
            }
        }
    }

    /// Tells the registrar that something is wrong with an installation.
    fn tell(&self, job: &Job, error: &str) {
        let registrar = self.registrar.clone();
        let request = RecheckRequest {
            app: job.app.clone(),
            member_id: job.member_id.clone(),
            error: error.to_owned(),
        };
        let trace_id = job.trace.id;
        tokio::spawn(async move {
            if let Err(status) = registrar.recheck(request).await {
                tracing::warn!(
                    %trace_id,
                    error = status.message(),
                    "the registrar could not be told of a portal's refusal"
                );
            }
        });
    }
}

/// Notes a POST to the portal in the job's trace.
fn note(
    timeline: &mut Timeline,
    job: &Job,
    token: &Token,
    when: (SystemTime, SystemTime),
    replied: &Result<(), SendError>,
) {
    let mut attributes = Vec::with_capacity(8);
    attributes.extend([
        KeyValue::new("http.request.method", "POST"),
        // The token is in the body.
        KeyValue::new("url.full", token.url.clone()),
        KeyValue::new("bizproc.portal", job.member_id.clone()),
    ]);
    attributes.extend(token.server.attributes());
    let (status, problem) = match replied {
        Ok(()) => (Some(200), None),
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

impl Sending<'_> {
    fn body(&self, access_token: &str) -> serde_json::Result<Vec<u8>> {
        let log_message = self.log_message();
        let mut body = Vec::with_capacity(512 + self.answer.values.len());
        let beginning = EventSend {
            auth: access_token,
            event_token: self.job.event_token.expose(),
            log_message: &log_message,
        };
        serde_json::to_writer(&mut body, &beginning)?;
        body.pop();
        body.extend_from_slice(b",\"return_values\":");
        body.extend_from_slice(self.answer.values.as_bytes());
        body.push(b'}');
        Ok(body)
    }

    /// What the workflow's log shows: the job, never the user's data. A portal's security filter alters free text, but
    /// not these words and digits.
    fn log_message(&self) -> String {
        let job = self.job.id();
        let trace = self.job.trace;
        let mut text = match &self.answer.error {
            None => format!("Answered by job {job}"),
            Some(error) => format!("{}; job {job}", excerpt(error)),
        };
        if trace.sampled {
            text.push_str(", trace ");
            HEXLOWER.encode_append(&trace.id.to_bytes(), &mut text);
        }
        text
    }
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
