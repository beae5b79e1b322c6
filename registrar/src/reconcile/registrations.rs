//! What portals took last.

use activity::Kind;
use proto::registrar::v1::Step;

use super::{desired::Digest, plan::Applied};

/// What was done about one activity of a portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) code: String,
    pub(crate) kind: Kind,
    /// Name in English.
    pub(crate) name: String,
    /// Revision that the portal's handler address names.
    pub(crate) revision: String,
    /// Of the parameters that the portal took last.
    pub(crate) digest: Option<Digest>,
    pub(crate) step: Step,
    /// Whether the portal listed it afterwards.
    pub(crate) observed: bool,
    /// What went wrong; empty: nothing.
    pub(crate) problem: String,
}

/// What a plan needs to know of them.
pub(crate) fn applied(registrations: &[Registration]) -> Applied {
    let known = |one: &Registration| Some((one.code.clone(), (one.kind, one.digest?)));
    registrations.iter().filter_map(known).collect()
}
