//! Durations as texts: `30s`, `10m`, `1h 30m`, `250ms`. For `#[serde(with = "service::config::duration")]` on a
//! [`std::time::Duration`].

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, de};

/// Reads a duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is no duration: write `30s`, `10m` or `1h 30m`")))
}

fn parse(text: &str) -> Option<Duration> {
    // ISO 8601 (`PT30S`) would be read, too, but one form is enough.
    if text.starts_with(['P', 'p']) {
        return None;
    }
    text.parse::<SignedDuration>().ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_texts_with_units() {
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("10m", 600_000),
            ("1h 30m", 5_400_000),
            ("24h", 86_400_000),
            ("250ms", 250),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "30", "-5s", "soon", "PT30S", "1 month"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
