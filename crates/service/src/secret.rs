//! Secrets in memory.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use subtle::ConstantTimeEq;

/// A text that shows itself as `[secret]` and compares in constant time.
///
/// In a configuration it is a plain text field, `token: Option<Secret>`: [`config::load`](crate::config::load) takes
/// `token = "…"` as well as `token_file = "/run/secrets/token"`.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// The text itself: for the place that needs it, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `other` is the same text; takes the same time wherever they differ.
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl<T: Into<Box<str>>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.expose())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(de::Error::custom("a secret must not be empty"));
        }
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::from("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[secret] [secret]");
        assert!(secret.matches("hunter2"));
        assert!(!secret.matches("hunter"));
        assert!(!secret.matches("hunter3"));
    }
}
