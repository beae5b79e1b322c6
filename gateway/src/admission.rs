//! Whether a callback may be run: its secret is the installation's, and what it refers to is known.

use std::sync::Arc;

use bitrix::post::Callback;

use crate::snapshot::{Authenticity, Snapshot};

/// Why a callback can't be run yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// The registrar has told nothing yet.
    NoSnapshot,
    /// No such installation: we may be behind.
    UnknownInstallation,
    /// The installation has no secret that is believed yet.
    NoSecret,
    /// The installation was given up. The callback's own token, which lives, may revive it.
    Ended,
    /// The callback's secret isn't the installation's.
    WrongSecret,
    /// No such revision: we may be behind.
    UnknownRevision,
    /// No such activity in it.
    UnknownCode,
}

impl NotAdmitted {
    /// The name in metrics and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoSnapshot => "no_snapshot",
            Self::UnknownInstallation => "unknown_installation",
            Self::NoSecret => "no_secret",
            Self::Ended => "installation_ended",
            Self::WrongSecret => "wrong_secret",
            Self::UnknownRevision => "unknown_revision",
            Self::UnknownCode => "unknown_code",
        }
    }
}

/// The revision to run the callback by. `revision` is the URL's; a callback that came to another address runs by the
/// current definitions.
pub(crate) fn admit(
    snapshot: Option<&Snapshot>,
    app: &str,
    revision: Option<&str>,
    callback: &Callback,
) -> Result<Arc<str>, NotAdmitted> {
    let snapshot = snapshot.ok_or(NotAdmitted::NoSnapshot)?;
    match snapshot.authenticates(app, &callback.auth) {
        Authenticity::Authentic => {}
        Authenticity::Ended => return Err(NotAdmitted::Ended),
        Authenticity::NoSecret => return Err(NotAdmitted::NoSecret),
        Authenticity::WrongSecret => return Err(NotAdmitted::WrongSecret),
        Authenticity::UnknownInstallation => return Err(NotAdmitted::UnknownInstallation),
    }
    self::revision(snapshot, app, revision, &callback.code)
}

/// The revision by which an activity is called.
pub(crate) fn revision(
    snapshot: &Snapshot,
    app: &str,
    revision: Option<&str>,
    code: &str,
) -> Result<Arc<str>, NotAdmitted> {
    let Some(revision) = revision.filter(|revision| !revision.is_empty()) else {
        let current = snapshot.current(app, code).ok_or(NotAdmitted::UnknownCode)?;
        return Ok(current.revision.clone());
    };
    let definitions = snapshot
        .definitions(app, revision)
        .ok_or(NotAdmitted::UnknownRevision)?;
    definitions.find(code).ok_or(NotAdmitted::UnknownCode)?;
    Ok(definitions.revision.clone())
}
