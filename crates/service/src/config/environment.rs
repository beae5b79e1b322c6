//! Environment variables laid over the file's tables.

use std::ffi::OsString;

use config::{ConfigError as Foreign, FileFormat, Format, Map, Source, Value, ValueKind};

use super::{
    ConfigError, file_values,
    origin::{ENVIRONMENT, from_environment},
};

const SEPARATOR: &str = "__";

/// The variables of one section.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    section: &'static str,
    variables: Vec<Variable>,
}

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    path: Vec<String>,
    value: String,
}

impl Environment {
    pub(super) fn new(
        section: &'static str,
        all: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let prefix = format!("{}{SEPARATOR}", section.to_uppercase());
        let mut variables = Vec::new();
        for (name, value) in all {
            let Some(name) = name.to_str().map(str::to_owned) else {
                continue;
            };
            if !name.to_uppercase().starts_with(&prefix) || value.is_empty() {
                continue;
            }
            let path: Vec<String> = name[prefix.len()..]
                .to_lowercase()
                .split(SEPARATOR)
                .map(Into::into)
                .collect();
            if path.iter().any(String::is_empty) {
                return Err(ConfigError::at(&name, None, "a part of the variable's name is empty"));
            }
            let Ok(value) = value.into_string() else {
                return Err(ConfigError::at(&name, None, "the variable's value is not UTF-8"));
            };
            variables.push(Variable { name, path, value });
        }
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { section, variables })
    }
}

impl Source for Environment {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, Foreign> {
        let mut root = Value::new(None, ValueKind::Table(Map::new()));
        self.collect_to(&mut root)?;
        root.into_table()
    }

    fn collect_to(&self, root: &mut Value) -> Result<(), Foreign> {
        for variable in &self.variables {
            let origin = format!("{ENVIRONMENT}{}", variable.name);
            let mut table = entry_table(root, &origin);
            let mut path = std::iter::once(self.section).chain(variable.path.iter().map(String::as_str));
            let last = path.next_back().unwrap_or_default();
            for segment in path {
                let key = existing(table, segment).unwrap_or_else(|| segment.to_owned());
                table = entry_table(table.entry(key).or_insert_with(|| empty_table(&origin)), &origin);
            }
            let key = existing(table, last).unwrap_or_else(|| last.to_owned());
            // A value given here also beats the file's `key_file`, and the reverse.
            if let Some(other) = file_values::counterpart(table, &key)
                && !from_environment(&table[&other])
            {
                table.remove(&other);
            }
            table.insert(key, Value::new(Some(&origin), value(&variable.value)));
        }
        Ok(())
    }
}

/// The file's spelling of a key: `my-app` for `my_app`.
fn existing(table: &Map<String, Value>, segment: &str) -> Option<String> {
    let plain = |key: &str| key.to_lowercase().replace('-', "_");
    let wanted = plain(segment);
    table
        .keys()
        .find(|key| *key == segment)
        .or_else(|| table.keys().find(|key| plain(key) == wanted))
        .cloned()
}

fn empty_table(origin: &String) -> Value {
    Value::new(Some(origin), ValueKind::Table(Map::new()))
}

fn entry_table<'a>(value: &'a mut Value, origin: &String) -> &'a mut Map<String, Value> {
    if !matches!(value.kind, ValueKind::Table(_)) {
        *value = empty_table(origin);
    }
    match &mut value.kind {
        ValueKind::Table(table) => table,
        _ => unreachable!("it was made a table"),
    }
}

/// A list is written as in TOML; anything else stays a text, which numbers and switches are read from when needed: a
/// secret of digits must not become a number on its way.
fn value(text: &str) -> ValueKind {
    if text.starts_with('[')
        && let Ok(mut table) = FileFormat::Toml.parse(None, &format!("list = {text}"))
        && let Some(list) = table.remove("list")
    {
        return list.kind;
    }
    ValueKind::String(text.into())
}
