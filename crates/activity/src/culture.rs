//! How the texts of a portal's dates are read.

mod format;
mod zone;

use jiff::tz::TimeZone;

pub use self::{
    format::{DateFormat, DateFormatError},
    zone::{Zone, ZoneError},
};

/// Seconds that a `google.protobuf.Timestamp` can have: the years 1 to 9999.
pub(crate) const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// Longest way from a server's zone to a person's, in seconds: from -12 h to +14 h.
const FARTHEST: i64 = 26 * 3600;

/// How one portal writes a date and time: the form of its site's culture and a time zone.
///
/// No method of a portal tells either, so they are configured. A text without a zone is read in the configured one. Of a
/// time that a change of clocks leaves out, the result is as much later as the clocks jump; of a time that comes twice, it
/// is the first: PHP's rules.
///
/// With zones per user the portal writes times in the zone of the user whose request moved the workflow on. The text
/// doesn't tell whose that was, so this can't be undone: such a portal's texts are off by that user's way from the
/// configured zone. Only a text with a trailing ` [offset]` tells it and is exact, if the configured zone is the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culture {
    setting: String,
    known: Option<(DateFormat, Zone)>,
}

/// Why a text is no date and time, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread(pub(crate) String);

impl Culture {
    /// The culture of a portal. `setting` is the table with the keys `culture` and `time_zone` of its configuration, for
    /// errors.
    pub fn new(setting: impl Into<String>, format: DateFormat, zone: Zone) -> Self {
        Self {
            setting: setting.into(),
            known: Some((format, zone)),
        }
    }

    /// A portal whose culture is not configured: no text is a date and time. `setting` is where it could be.
    pub fn unset(setting: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            known: None,
        }
    }

    /// The Unix time that a text means, in seconds.
    pub(crate) fn read(&self, text: &str) -> Result<i64, Unread> {
        let setting = &self.setting;
        let Some((format, zone)) = &self.known else {
            return Err(Unread(format!(
                "is a date in its portal's own form, which is not configured; set `{setting}.culture` and `{setting}.time_zone`"
            )));
        };
        read(text, format, &zone.0).ok_or_else(|| {
            Unread(format!(
                "is no date and time of the form `{format}`; correct it, or `{setting}.culture`"
            ))
        })
    }
}

/// A text of the form, perhaps with ` [offset]` behind it: how far, in seconds, the zone of the text is ahead of the
/// server's. That is how the server writes and reads it (its `BaseType\Value\DateTime`).
fn read(text: &str, format: &DateFormat, zone: &TimeZone) -> Option<i64> {
    let text = text.trim();
    let (local, ahead) = match text.strip_suffix(']').and_then(|text| text.rsplit_once(" [")) {
        Some((local, offset)) => (local, offset.parse::<i64>().ok()?),
        None => (text, 0),
    };
    if !(-FARTHEST..=FARTHEST).contains(&ahead) {
        return None;
    }
    // `compatible`: a time left out is later by the jump, of two the first is meant.
    let timestamp = zone.to_ambiguous_timestamp(format.read(local)?).compatible().ok()?;
    let seconds = timestamp.as_second() - ahead;
    SECONDS.contains(&seconds).then_some(seconds)
}
