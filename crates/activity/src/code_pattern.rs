use std::{fmt, str::FromStr};

use serde::Deserialize;

/// Codes that an executor may claim: one code, or all codes with a prefix (`digest*`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CodePattern {
    text: String,
    prefix: bool,
}

/// A text that can match no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no code pattern: write a code (letters, digits, `.`, `-`, `_`), or the beginning of codes and a final `*`"
)]
pub struct CodePatternError(String);

impl CodePattern {
    /// Whether the pattern allows the code. Codes are case-sensitive, as they are for the portal.
    pub fn matches(&self, code: &str) -> bool {
        if self.prefix {
            code.starts_with(&self.text)
        } else {
            code == self.text
        }
    }
}

impl FromStr for CodePattern {
    type Err = CodePatternError;

    fn from_str(pattern: &str) -> Result<Self, CodePatternError> {
        let (text, prefix) = pattern.strip_suffix('*').map_or((pattern, false), |text| (text, true));
        let possible = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if !possible || (text.is_empty() && !prefix) {
            return Err(CodePatternError(pattern.chars().take(200).collect()));
        }
        Ok(Self {
            text: text.to_owned(),
            prefix,
        })
    }
}

impl TryFrom<String> for CodePattern {
    type Error = CodePatternError;

    fn try_from(pattern: String) -> Result<Self, CodePatternError> {
        pattern.parse()
    }
}

impl fmt::Display for CodePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.text, if self.prefix { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::CodePattern;

    #[test]
    fn codes_match_exactly_or_by_prefix() {
        for (pattern, code, expected) in [
            ("md5", "md5", true),
            ("md5", "md5x", false),
            ("md5", "MD5", false),
            ("digest*", "digest", true),
            ("digest*", "digest_robot", true),
            ("digest*", "my_digest", false),
            ("*", "anything", true),
        ] {
            assert_eq!(
                pattern.parse::<CodePattern>().unwrap().matches(code),
                expected,
                "{pattern} {code}"
            );
        }
    }

    #[test]
    fn impossible_patterns_are_refused() {
        for pattern in ["", "a*b", "**", "a b", "код", "a\n"] {
            let error = pattern.parse::<CodePattern>().unwrap_err();
            assert!(error.to_string().contains("code pattern"), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_is_shown_as_written() {
        for pattern in ["md5", "digest*", "*"] {
            assert_eq!(pattern.parse::<CodePattern>().unwrap().to_string(), pattern);
        }
    }
}
