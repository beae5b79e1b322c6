//! What is wrong with a configuration, in one line.

use std::{fmt, io, path::Path};

use config::{Value, ValueKind};
use serde_path_to_error::Segment;

/// A configuration that cannot be used: which key, where it came from, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    key: Option<String>,
    origin: Option<String>,
    problem: String,
}

impl ConfigError {
    /// A value that types cannot judge; `key` in full, e.g. `registrar.public_url`.
    pub fn invalid(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            origin: None,
            problem: problem.into(),
        }
    }

    /// A required key without a value: the message names its variable and, with `secret`, its `_file` forms.
    pub fn missing(key: &str, secret: bool) -> Self {
        let variable = key.to_uppercase().replace('.', "__").replace('-', "_");
        let files = if secret {
            format!(", or a file's path as `{key}_file` or {variable}_FILE")
        } else {
            String::new()
        };
        Self::invalid(key, format!("is required: set it in the file or as {variable}{files}"))
    }

    pub(super) fn at(key: &str, origin: Option<&str>, problem: impl Into<String>) -> Self {
        let origin = origin.filter(|origin| !origin.is_empty()).map(Into::into);
        Self {
            key: Some(key.into()),
            origin,
            problem: problem.into(),
        }
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self {
            key: None,
            origin: None,
            problem: format!("cannot read {}: {error}", path.display()),
        }
    }

    pub(super) fn syntax(origin: &str, error: &config::ConfigError) -> Self {
        let text = match error {
            config::ConfigError::FileParse { cause, .. } => cause.to_string(),
            other => other.to_string(),
        };
        // The parser draws the place over several lines, and the line may hold a secret: its words are enough.
        let drawn = |line: &str| {
            line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ')
                .starts_with('|')
        };
        let words: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !drawn(line))
            .collect();
        let text = words.join(": ");
        Self {
            key: None,
            origin: Some(origin.into()),
            problem: text,
        }
    }

    pub(super) fn foreign(error: &config::ConfigError) -> Self {
        Self {
            key: None,
            origin: None,
            problem: error.to_string(),
        }
    }

    pub(super) fn wrong_value(
        section: &str,
        file: &str,
        tree: &Value,
        error: &serde_path_to_error::Error<config::ConfigError>,
    ) -> Self {
        if let Some(name) = missing(error.inner()) {
            return Self::missing(&format!("{section}.{name}"), true);
        }
        let mut key = section.to_owned();
        let mut value = Some(tree);
        for segment in error.path() {
            match segment {
                Segment::Map { key: name } => {
                    key = format!("{key}.{name}");
                    value = value.and_then(|value| match &value.kind {
                        ValueKind::Table(table) => table.get(name),
                        _ => None,
                    });
                }
                Segment::Seq { index } => key = format!("{key}[{index}]"),
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        let origin = value.and_then(Value::origin).unwrap_or(file);
        Self::at(&key, Some(origin), problem(error.inner()))
    }
}

fn missing(error: &config::ConfigError) -> Option<&str> {
    match error {
        config::ConfigError::At { error, .. } => missing(error),
        config::ConfigError::NotFound(name) => Some(name),
        _ => None,
    }
}

fn problem(error: &config::ConfigError) -> String {
    match error {
        config::ConfigError::At { error, .. } => problem(error),
        config::ConfigError::Type {
            unexpected, expected, ..
        } => format!("{unexpected} is not {expected}"),
        // Never the value: what stands in the place of a table may be a secret.
        config::ConfigError::Message(text) if text.contains("expected struct") => "must be a table of keys".into(),
        config::ConfigError::Message(text) => text.replacen("unknown field", "no such key:", 1),
        other => other.to_string(),
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("configuration: ")?;
        match (&self.key, &self.origin) {
            (Some(key), Some(origin)) => write!(f, "`{key}` ({origin}): ")?,
            (Some(key), None) => write!(f, "`{key}`: ")?,
            (None, Some(origin)) => write!(f, "{origin}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for ConfigError {}
