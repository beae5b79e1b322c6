use std::time::Duration;

use proto::registrar::v1::RecheckRequest;
use serde::Serialize;

use super::{
    Portal, Portals, Verdict,
    client::SendError,
    token::{NoToken, Token},
};
use crate::job::{Answer, Job, Millis};

/// An answer on its way.
pub(crate) struct Sending<'a> {
    pub(crate) job: &'a Job,
    pub(crate) answer: &'a Answer,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The portal took it.
    Taken,
    /// It didn't.
    Refused(Verdict, String),
    /// There is no token to send it with.
    NoToken(String),
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
    pub(crate) async fn send(&self, portal: &Portal, sending: &Sending<'_>) -> Sent {
        let job = sending.job;
        let mut rejected: Option<std::sync::Arc<Token>> = None;
        loop {
            let now = Millis::from(self.clock.now());
            let whose = (job.app.as_str(), job.member_id.as_str());
            let token = match portal
                .tokens
                .get(&self.registrar, whose, now, rejected.as_deref())
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
            let error = match self.http.post(&token.event_send, body).await {
                Ok(_) => return Sent::Taken,
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
        tokio::spawn(async move {
            if let Err(status) = registrar.recheck(request).await {
                tracing::warn!(
                    error = status.message(),
                    "the registrar could not be told of a portal's refusal"
                );
            }
        });
    }
}

impl Sending<'_> {
    fn body(&self, access_token: &str) -> serde_json::Result<Vec<u8>> {
        let log_message = self.log_message();
        let mut body = serde_json::to_vec(&EventSend {
            auth: access_token,
            event_token: self.job.event_token.expose(),
            log_message: &log_message,
        })?;
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
            text.push_str(&trace.id.to_string());
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
