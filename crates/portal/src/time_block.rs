//! The `time` member of every success.

use std::time::Duration;

use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};
use serde_json::{Value, json};

use crate::state::Account;

/// When a call came, began to be processed and was done: unix microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Arrival.
    pub start: i64,
    /// Begin of processing.
    pub processing: i64,
    /// End.
    pub finish: i64,
}

impl Times {
    /// The same by a clock that is apart by so many microseconds.
    #[must_use]
    pub fn apart(self, micros: i64) -> Self {
        Self {
            start: self.start + micros,
            processing: self.processing + micros,
            finish: self.finish + micros,
        }
    }

    /// The block, with dates in the server's zone, and the account of the method's work if one is kept.
    pub fn to_json(self, zone_offset: i32, operating: Option<Account>) -> Value {
        let mut block = json!({
            "start": seconds(self.start),
            "finish": seconds(self.finish),
            "duration": seconds(self.finish - self.start),
            "processing": seconds(self.finish - self.processing),
            "date_start": iso(self.start.div_euclid(1_000_000), zone_offset),
            "date_finish": iso(self.finish.div_euclid(1_000_000), zone_offset),
        });
        if let Some(account) = operating {
            block["operating_reset_at"] = json!(account.reset_at);
            block["operating"] = json!(Duration::from_millis(account.milliseconds).as_secs_f64());
        }
        block
    }
}

#[expect(clippy::cast_precision_loss, reason = "PHP gives floats, too")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// A time as `2026-11-24T10:00:00+03:00`.
pub fn iso(unix_seconds: i64, zone_offset: i32) -> String {
    let zone = Offset::from_seconds(zone_offset).map_or(TimeZone::UTC, TimeZone::fixed);
    let timestamp = Timestamp::from_second(unix_seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp
        .to_zoned_datetime(zone)
        .strftime("%Y-%m-%dT%H:%M:%S%:z")
        .to_string()
}
