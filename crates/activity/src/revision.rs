use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Identity of a definition set: 16 lower hex digits over everything that is sent to the portal, but the handler URL and
/// the user, and over how the methods are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision([u8; 8]);

/// A text that is no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a revision is 16 lower hex digits, not {0:?}")]
pub struct RevisionError(String);

impl Revision {
    /// From the first bytes of a digest.
    pub(crate) fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, RevisionError> {
        let lower_hex = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        lower_hex
            .then(|| u64::from_str_radix(text, 16).ok())
            .flatten()
            .map(|number| Self(number.to_be_bytes()))
            .ok_or_else(|| RevisionError(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for Revision {
    type Error = RevisionError;

    fn try_from(text: String) -> Result<Self, RevisionError> {
        text.parse()
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Revision;

    #[test]
    fn text_round_trip() {
        let revision: Revision = "00ff10aa01b2c3d4".parse().unwrap();
        assert_eq!(revision.to_string(), "00ff10aa01b2c3d4");
        assert_eq!(serde_json::to_string(&revision).unwrap(), "\"00ff10aa01b2c3d4\"");
        assert_eq!(
            serde_json::from_str::<Revision>("\"00ff10aa01b2c3d4\"").unwrap(),
            revision
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "00ff10aa01b2c3d",
            "00ff10aa01b2c3d45",
            "00FF10AA01B2C3D4",
            "+0ff10aa01b2c3d4",
            "../../../etc/pass",
        ] {
            assert!(text.parse::<Revision>().is_err(), "{text}");
        }
    }
}
