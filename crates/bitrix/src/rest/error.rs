use std::fmt;
use std::time::Duration;

use super::{ErrorKind, Retry};

/// A call that failed. Shows no token: what the server repeats of them is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What happened.
    pub kind: ErrorKind,
    /// The server's error code as sent, such as `expired_token` or `423`; empty when there is none.
    pub code: String,
    /// The server's words, or ours when it had none.
    pub description: String,
    /// The HTTP status, if a reply came.
    pub status: Option<u16>,
    /// Where a redirect points to, without query and fragment.
    pub location: Option<String>,
    /// What `Retry-After` asked for.
    pub retry_after: Option<Duration>,
    /// What was called and where, such as `profile at example.bitrix24.com`; empty when not known.
    pub at: String,
}

impl CallError {
    /// An error without a reply.
    pub fn new(kind: ErrorKind, description: impl Into<String>) -> Self {
        Self {
            kind,
            code: String::new(),
            description: description.into(),
            status: None,
            location: None,
            retry_after: None,
            at: String::new(),
        }
    }

    /// What to do about it. A `Retry-After` raises the pause of [`Retry::Later`], up to an hour.
    pub fn retry(&self) -> Retry {
        const LONGEST: Duration = Duration::from_hours(1);
        match (self.kind.retry(), self.retry_after) {
            (Retry::Later(least), Some(asked)) => Retry::Later(least.max(asked.min(LONGEST))),
            (retry, _) => retry,
        }
    }

    /// Whether `bizproc.event.send` says so of the event token: a foreign or damaged one. With another text the same code is about
    /// the plan or the user (seen in the errors that portals give).
    pub fn denies_event_token(&self) -> bool {
        self.kind == ErrorKind::AccessDenied && self.description.trim() == "Access denied!"
    }

    /// Says what was called, and masks `secrets` that the server may have repeated. [`super::Client`] has done so;
    /// who uses [`super::decode_reply`] alone does it before the error is shown.
    pub fn at(mut self, at: String, secrets: &[&str]) -> Self {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            for text in [
                Some(&mut self.code),
                Some(&mut self.description),
                self.location.as_mut(),
            ]
            .into_iter()
            .flatten()
            {
                if text.contains(secret) {
                    *text = text.replace(secret, "[secret]");
                }
            }
        }
        self.at = at;
        self
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.at.is_empty() {
            write!(f, "{}: ", self.at)?;
        }
        if let Some(status) = self.status {
            write!(f, "status {status}, ")?;
        }
        if !self.code.is_empty() {
            write!(f, "{}: ", self.code)?;
        }
        f.write_str(&self.description)?;
        if let Some(location) = &self.location {
            write!(f, " (to {location})")?;
        }
        Ok(())
    }
}

impl std::error::Error for CallError {}
