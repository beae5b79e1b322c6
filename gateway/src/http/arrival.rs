use jiff::Timestamp;

/// What is known of a POST beside its body.
pub(super) struct Arrival<'a> {
    pub(super) app: &'a str,
    /// Of the URL; none when the body came to an address without one.
    pub(super) revision: Option<&'a str>,
    pub(super) at: Timestamp,
    pub(super) source: String,
    pub(super) path: &'a str,
}
