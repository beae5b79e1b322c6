//! Answers as a portal takes them: the body of `bizproc.event.send`, and its parameters in a batch.

use bitrix::rest::Command;
use data_encoding::HEXLOWER;
use serde::Serialize;

use super::{Sending, token::EVENT_SEND};
use crate::job::{Answer, Job};

/// The body of `bizproc.event.send`. JSON, because a form can't carry an empty list or tell a text from a number.
#[derive(Serialize)]
struct EventSend<'a> {
    auth: &'a str,
    event_token: &'a str,
    log_message: &'a str,
    // `return_values` follows: it is JSON already.
}

impl Sending<'_> {
    pub(super) fn body(&self, access_token: &str) -> Vec<u8> {
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

    /// Taken, as a request is repeated once at most: then it is written anew.
    pub(super) fn command(&mut self) -> Command {
        let command = self.command.take();
        command.unwrap_or_else(|| command_of(self.job, self.answer))
    }
}

/// An answer as a batch carries it.
pub(crate) fn command_of(job: &Job, answer: &Answer) -> Command {
    Command::new(EVENT_SEND)
        .text("EVENT_TOKEN", job.event_token.expose())
        .json("RETURN_VALUES", &answer.values)
        .text("LOG_MESSAGE", &log_message(job, answer))
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
