use std::fmt;

use sha2::{Digest as _, Sha256};

/// The bearer secret that completes a waiting step.
///
/// Opaque; today's is `WORKFLOW|ACTIVITY|EVENT.SIGNATURE`, where the portal checks the signature alone, after hex
/// decoding. So one event has several spellings, and the same event is recognised by what comes before it.
#[derive(Clone, PartialEq, Eq)]
pub struct EventToken(String);

impl EventToken {
    /// Takes a token as it came.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for `bizproc.event.send`.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The part before the signature. A token without one (the workflow id has a dot of its own) is all of this.
    pub fn unsigned(&self) -> &str {
        match self.0.rsplit_once('.') {
            Some((unsigned, signature)) if !signature.contains('|') => unsigned,
            _ => &self.0,
        }
    }

    /// SHA-256 of [`Self::unsigned`]: equal for every spelling of one event.
    pub fn dedup_digest(&self) -> [u8; 32] {
        Sha256::digest(self.unsigned()).into()
    }

    /// The workflow that the event belongs to, if the token has today's form.
    pub fn workflow_id(&self) -> Option<&str> {
        self.parts().map(|parts| parts[0])
    }

    /// The step's name in its template, if the token has today's form.
    pub fn activity_name(&self) -> Option<&str> {
        self.parts().map(|parts| parts[1])
    }

    /// The event's id, new for each round of a loop, if the token has today's form.
    pub fn event_id(&self) -> Option<&str> {
        self.parts().map(|parts| parts[2])
    }

    fn parts(&self) -> Option<[&str; 3]> {
        let mut parts = self.unsigned().split('|');
        let three = [parts.next()?, parts.next()?, parts.next()?];
        parts.next().is_none().then_some(three)
    }
}

impl fmt::Debug for EventToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
