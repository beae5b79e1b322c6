//! One TOML file with a table per service, every key overridable by environment.
//!
//! - `[gateway] http.listen = ":8080"` is `GATEWAY__HTTP__LISTEN=:8080` in the environment, which wins. Names of tables are
//!   matched without regard to case, and `_` stands for `-` where the file has such a table: `REGISTRAR__APPS__MY_APP__…`
//!   is the file's `[registrar.apps.my-app]`. An empty variable counts as unset.
//! - Lists are written as in TOML in the environment, too: `REGISTRAR__OAUTH_HOSTS='["oauth.bitrix.info"]'`.
//! - Any text can come from a file: `token_file = "/run/secrets/token"` (or `…__TOKEN_FILE=…`) is `token` with the file's
//!   text less one line feed at its end. So a configuration struct just has `token: Option<Secret>`. The one exception is
//!   a service's table `tls`, whose files are read again when they change ([`Tls`](crate::grpc::Tls)).
//! - Durations are texts: `#[serde(with = "service::config::duration")]`.
//! - An unknown key is an error (give structs `#[serde(deny_unknown_fields)]`).

mod defaults;
pub mod duration;
mod environment;
mod error;
mod file_values;
mod origin;

use std::{path::Path, time::Duration};

use config::{Config, File, FileFormat, Source, Value, ValueKind};
use environment::Environment;
pub use error::ConfigError;
use serde::de::DeserializeOwned;

use crate::Lifecycle;

/// The tables that one file may have.
const SECTIONS: [&str; 3] = ["gateway", "registrar", "hasher"];

/// A service's configuration: one table of the file.
pub trait Configuration: DeserializeOwned {
    /// Name of the table, and in upper case the prefix of its variables.
    const SECTION: &'static str;

    /// The table with all defaults and a comment on each key; printed by `SERVICE config`.
    const DEFAULT_TOML: &'static str;

    /// Longest drain after a soft stop; a key of the table if the service has one.
    fn drain_limit(&self) -> Duration {
        Lifecycle::DRAIN_LIMIT
    }

    /// What types cannot say: required keys, bounds, keys that need each other. Runs before any socket opens.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// Reads a service's configuration from `file`, if any, and the environment, and checks it.
pub fn load<C: Configuration>(file: Option<&Path>) -> Result<C, ConfigError> {
    load_above("", file)
}

/// The same above defaults (TOML) of a program that runs several services and knows some of their keys.
pub fn load_above<C: Configuration>(defaults: &str, file: Option<&Path>) -> Result<C, ConfigError> {
    let text = match file {
        None => String::new(),
        Some(path) => std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?,
    };
    let origin = file.map(|path| path.display().to_string()).unwrap_or_default();
    from_parts(defaults, &text, &origin, std::env::vars_os())
}

/// The same from a text and given variables; for tests and for programs that make a configuration.
pub fn parse<C, K, V>(toml: &str, variables: impl IntoIterator<Item = (K, V)>) -> Result<C, ConfigError>
where
    C: Configuration,
    K: Into<std::ffi::OsString>,
    V: Into<std::ffi::OsString>,
{
    from_parts(
        "",
        toml,
        "the configuration",
        variables.into_iter().map(|(key, value)| (key.into(), value.into())),
    )
}

fn from_parts<C: Configuration>(
    defaults: &str,
    toml: &str,
    origin: &str,
    variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
) -> Result<C, ConfigError> {
    let mut tree = tree(toml, origin)?;
    defaults::beneath(&mut tree, self::tree(defaults, "the program's defaults")?);
    let ValueKind::Table(tables) = &mut tree.kind else {
        unreachable!("a TOML document is a table")
    };
    if let Some(name) = tables.keys().find(|name| !SECTIONS.contains(&name.as_str())) {
        let known = SECTIONS.map(|section| format!("[{section}]")).join(", ");
        return Err(ConfigError::at(
            name,
            Some(origin),
            format!("no such table: {known} exist"),
        ));
    }
    tables.retain(|name, _| name == C::SECTION);
    Environment::new(C::SECTION, variables)?
        .collect_to(&mut tree)
        .map_err(|error| ConfigError::foreign(&error))?;
    let ValueKind::Table(tables) = &mut tree.kind else {
        unreachable!("the environment only adds to tables")
    };
    let mut section = tables
        .remove(C::SECTION)
        .unwrap_or_else(|| Value::new(None, ValueKind::Table(config::Map::new())));
    file_values::resolve(&mut section, C::SECTION)?;
    let config: C = serde_path_to_error::deserialize(section.clone())
        .map_err(|error| ConfigError::wrong_value(C::SECTION, origin, &section, &error))?;
    config.check()?;
    Ok(config)
}

fn tree(toml: &str, origin: &str) -> Result<Value, ConfigError> {
    let built = Config::builder()
        .add_source(File::from_str(toml, FileFormat::Toml))
        .build();
    Ok(built.map_err(|error| ConfigError::syntax(origin, &error))?.cache)
}

#[cfg(test)]
mod tests;
