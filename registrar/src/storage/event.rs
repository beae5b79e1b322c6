//! Lifecycle events that were handled.

/// How an event was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Whether it was believed.
    pub(crate) believed: bool,
    /// Why not, for people.
    pub(crate) reason: String,
}
