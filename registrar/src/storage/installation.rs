//! Installations.

use jiff::Timestamp;
use proto::registrar::v1::InstallationState as State;

/// Application tokens believed at once: the newest, and the one before it for callbacks on their way.
const APPLICATION_TOKENS: usize = 2;

/// SHA-256 of a token.
pub(crate) type TokenDigest = [u8; 32];

/// Which installation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The app's name in the configuration.
    pub(crate) app: String,
    /// The portal's identity, stable over renames.
    pub(crate) member_id: String,
}

/// An app on a portal, without its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    pub(crate) key: Key,
    /// REST base of the portal, named by the OAuth server; never one from a request.
    pub(crate) client_endpoint: String,
    /// The configured OAuth host that proved it.
    pub(crate) oauth_host: String,
    /// The administrator whose credentials are used; activities run as this user. A temporary installation's may be
    /// anybody: then `administrator_lost` is set.
    pub(crate) user_id: i64,
    pub(crate) state: State,
    /// Digests of the application tokens that are believed, newest first.
    pub(crate) application_tokens: Vec<TokenDigest>,
    /// When it became known.
    pub(crate) created: Timestamp,
    /// When its credentials were last taken from a proved request.
    pub(crate) adopted: Timestamp,
    /// How often its credentials were taken.
    pub(crate) adoptions: i64,
    /// Its user may not register activities any more; another administrator may take over.
    pub(crate) administrator_lost: bool,
    /// The event handler that the portal knows; empty: none.
    pub(crate) bound: String,
    pub(crate) reconciled: Option<Timestamp>,
    /// When everything was last updated blindly.
    pub(crate) updated_all: Option<Timestamp>,
    /// What went wrong when it was last reconciled; empty: nothing.
    pub(crate) problem: String,
    /// Since when the OAuth server refuses to renew its token. Its word alone does not end it at once.
    pub(crate) refused_since: Option<Timestamp>,
}

impl Installation {
    /// Whether its credentials are an administrator's and renew themselves: only then they need no others.
    pub(crate) fn works(&self) -> bool {
        self.is_whole() && self.refused_since.is_none()
    }

    /// Whether they would, but for the OAuth server's word.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.is_whole() && self.refused_since.is_some()
    }

    fn is_whole(&self) -> bool {
        matches!(self.state, State::Active | State::Incomplete | State::NoBizproc)
    }
}

/// The application tokens that are believed when a `new` one is learnt, newest first.
pub(super) fn believed(before: &[TokenDigest], new: Option<TokenDigest>) -> Vec<TokenDigest> {
    let others = before.iter().copied().filter(|token| Some(*token) != new);
    new.into_iter().chain(others).take(APPLICATION_TOKENS).collect()
}
