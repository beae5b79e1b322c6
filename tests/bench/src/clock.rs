//! Real time: what a benchmark measures.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, for measuring.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds and microseconds since 1970, as PHP's `uniqid` takes them.
#[expect(clippy::disallowed_methods, reason = "callbacks carry the time they were made at")]
pub(crate) fn unix() -> (u64, u32) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs(), since.subsec_micros())
}
