//! What portals took last.

use activity::Kind;
use proto::registrar::v1::Step;

/// SHA-256 of the parameters that a portal took.
pub(crate) type ParametersDigest = [u8; 32];

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
    pub(crate) digest: Option<ParametersDigest>,
    pub(crate) step: Step,
    /// Whether the portal listed it afterwards.
    pub(crate) observed: bool,
    /// What went wrong; empty: nothing.
    pub(crate) problem: String,
}
