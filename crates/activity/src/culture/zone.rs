use std::fmt;

use jiff::tz::TimeZone;
use serde::Deserialize;

/// A time zone by its name in the IANA database, e.g. `Europe/Moscow`: the system's database, or the one built in where
/// the system has none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Zone(pub(super) TimeZone);

/// A text that names no zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone: write a name such as `Europe/Moscow` or `UTC`")]
pub struct ZoneError(String);

impl std::str::FromStr for Zone {
    type Err = ZoneError;

    fn from_str(name: &str) -> Result<Self, ZoneError> {
        TimeZone::get(name)
            .ok()
            .filter(|zone| zone.iana_name().is_some())
            .map(Self)
            .ok_or_else(|| ZoneError(name.chars().take(64).collect()))
    }
}

impl TryFrom<String> for Zone {
    type Error = ZoneError;

    fn try_from(name: String) -> Result<Self, ZoneError> {
        name.parse()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::Zone;

    #[test]
    fn zones_are_known_by_name() {
        for name in ["Europe/Moscow", "America/New_York", "UTC", "Asia/Kathmandu"] {
            assert_eq!(name.parse::<Zone>().unwrap().to_string(), name);
        }
        for name in ["", "Moscow", "+03:00", "../../etc/passwd", "MSK-3", "/etc/localtime"] {
            assert!(name.parse::<Zone>().is_err(), "{name}");
        }
    }

    #[test]
    fn the_built_in_database_has_them_too() {
        let built_in = jiff::tz::TimeZoneDatabase::bundled();
        for name in ["Europe/Moscow", "America/New_York", "UTC"] {
            assert!(built_in.get(name).is_ok(), "{name}");
        }
    }
}
