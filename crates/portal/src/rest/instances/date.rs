//! Dates in a filter, as `strtotime` reads them: with a zone they are moments, without one they are the server's.
//!
//! The server turns the moment into a text of its site's culture and reads that as the calling user's time, so with zones on a filter is off
//! by that user's offset (measured).

use std::sync::LazyLock;

use jiff::{Span, Timestamp, civil, tz};
use regex::Regex;
use serde_json::Value;

use crate::{context::Context, php::cast::to_text, state::Portal};

/// ISO 8601 and the culture's day.month.year, with or without time and zone.
static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)\A(?:(?P<year>\d{4})-?(?P<month>\d{2})-?(?P<day>\d{2})|(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4}))",
        r"(?:(?:t|[\x20\t]+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?",
        r"\s*(?P<zone>z|utc|gmt|[+-]\d{1,2}:?(?:\d{2})?)?\z",
    ))
    .expect("a constant pattern")
});

/// The zones that decide how a date is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zone {
    now: i64,
    server: i32,
    user: i32,
}

impl Zone {
    pub(super) fn new(portal: &Portal, context: &Context) -> Self {
        let user = if portal.settings.use_time_zones {
            context.user_zone_offset
        } else {
            0
        };
        Self {
            now: portal.clock.seconds(),
            server: portal.settings.zone_offset,
            user,
        }
    }

    /// Unix seconds that a column is compared with; `None` = not read, which is SQL's null.
    pub(super) fn read(&self, value: &Value) -> Option<i64> {
        self.moment(to_text(value).trim())
            .map(|seconds| seconds - i64::from(self.user))
    }

    fn moment(&self, text: &str) -> Option<i64> {
        if let Some(seconds) = text.strip_prefix('@') {
            return seconds.parse().ok();
        }
        let midnight = |days: i64| {
            let local = (self.now + i64::from(self.server)).div_euclid(86_400) * 86_400;
            Some(local - i64::from(self.server) + days * 86_400)
        };
        match text.to_ascii_lowercase().as_str() {
            "now" => return Some(self.now),
            "today" | "midnight" => return midnight(0),
            "yesterday" => return midnight(-1),
            "tomorrow" => return midnight(1),
            _ => {}
        }
        let found = PATTERN.captures(text)?;
        let number = |name: &str| found.name(name).and_then(|digits| digits.as_str().parse::<i64>().ok());
        let year = i16::try_from(number("year").or_else(|| number("y"))?).ok()?;
        let month = i8::try_from(number("month").or_else(|| number("m"))?).ok()?;
        let day = number("day").or_else(|| number("d"))?;
        if !(1..=31).contains(&day) {
            return None;
        }
        let (hour, minute, second) = (
            number("hour").unwrap_or(0),
            number("minute").unwrap_or(0),
            number("second").unwrap_or(0),
        );
        if hour > 24 || minute > 59 || second > 60 {
            return None;
        }
        // The 31st of a shorter month runs into the next one.
        let first = civil::date(1, 1, 1)
            .with()
            .year(year)
            .month(month)
            .day(1)
            .build()
            .ok()?;
        let date = first.checked_add(Span::new().days(day - 1)).ok()?;
        let start = tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
        let offset = found
            .name("zone")
            .map_or(Some(i64::from(self.server)), |zone| offset(zone.as_str()))?;
        Some(seconds(start) + hour * 3600 + minute * 60 + second - offset)
    }
}

fn seconds(moment: Timestamp) -> i64 {
    moment.as_second()
}

/// `Z`, `+03:00`, `+0300`, `+3`.
fn offset(zone: &str) -> Option<i64> {
    let (sign, digits) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return Some(0),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (hours, if minutes.is_empty() { "0" } else { minutes }),
        None if digits.len() > 2 => digits.split_at(digits.len() - 2),
        None => (digits, "0"),
    };
    Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
}
