//! Texts that are kept in files: `token_file = "/run/secrets/token"`.

use std::fs;

use config::{Map, Value, ValueKind};

use super::{ConfigError, origin::from_environment};

const SUFFIX: &str = "_file";

/// The key of the same text in its other form, if `table` has it.
pub(super) fn counterpart(table: &Map<String, Value>, key: &str) -> Option<String> {
    let other = key
        .strip_suffix(SUFFIX)
        .map_or_else(|| format!("{key}{SUFFIX}"), Into::into);
    table.contains_key(&other).then_some(other)
}

/// Puts the files' texts in the place of their paths, in all tables under `value`.
pub(super) fn resolve(value: &mut Value, path: &str) -> Result<(), ConfigError> {
    let ValueKind::Table(table) = &mut value.kind else {
        return Ok(());
    };
    let keys: Vec<String> = table.keys().cloned().collect();
    for key in keys {
        let full = format!("{path}.{key}");
        // Read again when they change: they stay paths.
        if key == "tls" && !path.contains('.') {
            continue;
        }
        let Some(plain) = key.strip_suffix(SUFFIX) else {
            if let Some(inner) = table.get_mut(&key) {
                resolve(inner, &full)?;
            }
            continue;
        };
        let Some(named) = table.remove(&key) else { continue };
        if let Some(other) = table.get(plain) {
            let place = if from_environment(other) {
                "in the environment"
            } else {
                "in the file"
            };
            let problem = format!("`{path}.{plain}` is set {place}, too: keep one of them");
            return Err(ConfigError::at(&full, named.origin(), problem));
        }
        let text = read(&named, &full)?;
        let origin = format!("the file that {full} names");
        table.insert(plain.into(), Value::new(Some(&origin), ValueKind::String(text)));
    }
    Ok(())
}

fn read(named: &Value, key: &str) -> Result<String, ConfigError> {
    let wrong = |problem: String| ConfigError::at(key, named.origin(), problem);
    let ValueKind::String(path) = &named.kind else {
        return Err(wrong("must be the path of a file".into()));
    };
    let mut text = fs::read_to_string(path).map_err(|error| wrong(format!("cannot read {path}: {error}")))?;
    // Editors and `echo` end a file with a line feed that is no part of the secret.
    if text.ends_with('\n') {
        text.truncate(text.len() - 1);
        if text.ends_with('\r') {
            text.truncate(text.len() - 1);
        }
    }
    if text.is_empty() {
        return Err(wrong(format!("{path} is empty")));
    }
    Ok(text)
}
