//! Dates in a filter, as `strtotime` reads them: with a zone they are moments, without one they are the server's.
//!
//! The server turns the time into a text of its site's culture and reads that as the calling user's time, so with zones on a filter is off
//! by that user's offset (measured).

use std::sync::LazyLock;

use jiff::{Span, Timestamp, civil, tz};
use regex::Regex;
use serde_json::Value;

use crate::{context::Context, php::cast::to_text, state::Portal};

/// Numeric dates with or without time and zone: ISO 8601, `20261124`, `24.11.2026`, `24-11-2026`, `11/24/2026`. Words and spans
/// (`24 November`, `-1 day`), which the server also reads, are not read here.
static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)\A(?:(?P<y1>\d{4})[-/](?P<m1>\d{1,2})(?:[-/](?P<d1>\d{1,2}))?|(?P<y2>\d{4})(?P<m2>\d{2})(?P<d2>\d{2})",
        r"|(?P<d3>\d{1,2})[.-](?P<m3>\d{1,2})[.-](?P<y3>\d{4})|(?P<m4>\d{1,2})/(?P<d4>\d{1,2})/(?P<y4>\d{4}))",
        r"(?:(?:t|\s+)(?:(?P<h1>\d{1,2}):(?P<i1>\d{2})(?::(?P<s1>\d{1,2})(?:[.,]\d+)?)?|(?P<h2>\d{2})(?P<i2>\d{2})(?P<s2>\d{2}))",
        r"(?:\s*(?P<half>[ap])m)?)?\s*(?P<zone>z|utc|gmt|[+-]\d{1,2}:?(?:\d{2})?)?\z",
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
        self.time(to_text(value).trim())
            .map(|seconds| seconds - i64::from(self.user))
    }

    fn time(&self, text: &str) -> Option<i64> {
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
        let number = |name: char| {
            let digits = (1..=4).find_map(|form| found.name(&format!("{name}{form}")));
            digits.and_then(|digits| digits.as_str().parse::<i64>().ok())
        };
        let (year, month) = (i16::try_from(number('y')?).ok()?, i8::try_from(number('m')?).ok()?);
        let day = number('d').unwrap_or(1);
        if !(1..=31).contains(&day) {
            return None;
        }
        let (hour, minute, second) = (
            number('h').unwrap_or(0),
            number('i').unwrap_or(0),
            number('s').unwrap_or(0),
        );
        let hour = match found.name("half").map(|half| half.as_str()) {
            None => hour,
            Some(_) if !(1..=12).contains(&hour) => return None,
            Some(half) => hour % 12 + if half.eq_ignore_ascii_case("p") { 12 } else { 0 },
        };
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

fn seconds(time: Timestamp) -> i64 {
    time.as_second()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Tuesday, 2026-11-24T11:00:05Z.
    const TIME: i64 = 1_795_518_005;

    #[test]
    fn a_zone_counts_and_without_one_it_is_the_server_s() {
        let zone = Zone {
            now: TIME,
            server: 10_800,
            user: 0,
        };
        for text in [
            "2026-11-24T11:00:05Z",
            "2026-11-24T14:00:05+03:00",
            "2026-11-24 11:00:05.5 +0000",
            "2026-11-24 14:00:05",
            "24.11.2026 14:00:05",
            "11/24/2026 2:00:05 pm",
            "20261124T140005",
            "@1795518005",
            "now",
        ] {
            assert_eq!(zone.read(&json!(text)), Some(TIME), "{text}");
        }
        assert_eq!(zone.read(&json!("2026-11-24")), zone.read(&json!("today")));
        assert_eq!(zone.read(&json!("2026-02-30")), zone.read(&json!("2026-03-02")));
        for text in ["", "not a date", "2026-13-01", "32.11.2026", "2026-11-24T25:00:00"] {
            assert_eq!(zone.read(&json!(text)), None, "{text}");
        }
    }

    #[test]
    fn the_user_s_offset_is_taken_away() {
        let zone = Zone {
            now: TIME,
            server: 0,
            user: 7200,
        };
        assert_eq!(zone.read(&json!("2026-11-24T11:00:05Z")), Some(TIME - 7200));
    }
}
