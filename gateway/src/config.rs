//! The configuration: the table `[gateway]`.

mod limits;
mod store;

use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Deserializer, de};
pub use service::Network;
use service::{
    ConfigError, Configuration, Listen, Secret,
    grpc::Tls,
    guard::{Guard, Place},
};

pub use self::{limits::Limits, store::Store};

/// Configuration of the gateway; the commented default is [`Configuration::DEFAULT_TOML`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `GATEWAY__OPERATOR_TOKEN`: bearer token of people and their tools. Required.
    pub operator_token: Option<Secret>,
    /// `GATEWAY__RETENTION`: how long a finished job is kept. Default: 7 days.
    #[serde(with = "service::config::duration")]
    pub retention: Duration,
    /// `GATEWAY__PRIVATE_PORTALS`: networks and hosts that may be called though they are not public. Default: none.
    pub private_portals: Vec<Place>,
    /// The port for portals and browsers.
    pub http: Http,
    /// The port of the Jobs service.
    pub grpc: Grpc,
    /// The admin port.
    pub admin: Admin,
    /// `GATEWAY__TLS__CERT_FILE` and `GATEWAY__TLS__KEY_FILE`: the Jobs service over TLS. Default: in the clear.
    pub tls: Option<Tls>,
    /// The control plane.
    pub registrar: Registrar,
    /// The store.
    pub store: Store,
    /// Bounds.
    pub limits: Limits,
}

/// The port for portals and browsers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// `GATEWAY__HTTP__LISTEN`. Default: `:8080`.
    pub listen: Listen,
    /// `GATEWAY__HTTP__MAX_CONNECTIONS`: connections at once. Default: 4096.
    pub max_connections: usize,
    /// `GATEWAY__HTTP__CONNECTIONS_PER_SOURCE`: of those, from one address (IPv6: a /64). Default: 1024.
    pub connections_per_source: usize,
    /// `GATEWAY__HTTP__HEAD_TIMEOUT`: how long a request's head may take to arrive, and a body's first 16 KiB. Default: 10 s.
    #[serde(with = "service::config::duration")]
    pub head_timeout: Duration,
    /// `GATEWAY__HTTP__BODY_TIMEOUT`: how long a body may take to arrive. Default: 30 s.
    #[serde(with = "service::config::duration")]
    pub body_timeout: Duration,
    /// `GATEWAY__HTTP__TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed. Default: nobody's.
    pub trusted_proxies: Vec<Network>,
}

/// The port of the Jobs service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grpc {
    /// `GATEWAY__GRPC__LISTEN`. Default: `:50053`.
    pub listen: Listen,
}

/// The admin port.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// `GATEWAY__ADMIN__LISTEN`. Default: `:9080`.
    pub listen: Listen,
}

/// The control plane.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registrar {
    /// `GATEWAY__REGISTRAR__URI`: `http://…` or `https://…`. Default: `http://127.0.0.1:50052`.
    #[serde(deserialize_with = "uri")]
    pub uri: Uri,
    /// `GATEWAY__REGISTRAR__TOKEN`: the registrar's service token. Required.
    pub token: Option<Secret>,
}

impl Configuration for Config {
    const SECTION: &'static str = "gateway";
    const DEFAULT_TOML: &'static str = include_str!("../gateway.toml");

    fn check(&self) -> Result<(), ConfigError> {
        for (key, token) in [
            ("gateway.operator_token", &self.operator_token),
            ("gateway.registrar.token", &self.registrar.token),
        ] {
            if token.as_ref().is_none_or(|token| token.expose().is_empty()) {
                return Err(ConfigError::missing(key, true));
            }
        }
        self.http.check()?;
        if let Some(tls) = &self.tls {
            tls.check("gateway.tls")?;
        }
        self.store.check()?;
        self.limits.check()
    }
}

impl Config {
    /// The guard over the addresses of portals.
    pub(crate) fn guard(&self) -> Guard {
        Guard::new("gateway.private_portals", &self.private_portals)
    }
}

impl Http {
    fn check(&self) -> Result<(), ConfigError> {
        for (key, is_zero) in [
            ("max_connections", self.max_connections == 0),
            ("connections_per_source", self.connections_per_source == 0),
            ("head_timeout", self.head_timeout.is_zero()),
            ("body_timeout", self.body_timeout.is_zero()),
        ] {
            if is_zero {
                let problem = "is 0: nobody could send anything";
                return Err(ConfigError::invalid(format!("gateway.http.{key}"), problem));
            }
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            operator_token: None,
            retention: Duration::from_hours(168),
            private_portals: Vec::new(),
            http: Http::default(),
            grpc: Grpc::default(),
            admin: Admin::default(),
            tls: None,
            registrar: Registrar::default(),
            store: Store::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: Listen::port(8080),
            max_connections: 4096,
            connections_per_source: 1024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
        }
    }
}

impl Default for Grpc {
    fn default() -> Self {
        Self {
            listen: Listen::port(50053),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: Listen::port(9080),
        }
    }
}

impl Default for Registrar {
    fn default() -> Self {
        Self {
            uri: Uri::from_static("http://127.0.0.1:50052"),
            token: None,
        }
    }
}

fn uri<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uri, D::Error> {
    let text = String::deserialize(deserializer)?;
    let uri: Uri = text
        .parse()
        .map_err(|error| de::Error::custom(format!("`{text}` is no URI: {error}")))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some() => Ok(uri),
        _ => Err(de::Error::custom(format!(
            "`{text}` is not `http://HOST:PORT` or `https://HOST:PORT`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use service::config;

    use super::*;

    const REQUIRED: [(&str, &str); 2] = [("GATEWAY__OPERATOR_TOKEN", "o"), ("GATEWAY__REGISTRAR__TOKEN", "r")];

    fn parse(toml: &str) -> Result<Config, ConfigError> {
        config::parse(toml, REQUIRED)
    }

    #[test]
    fn the_printed_default_is_the_default() {
        let required = Config {
            operator_token: Some("o".into()),
            registrar: Registrar {
                token: Some("r".into()),
                ..Registrar::default()
            },
            ..Config::default()
        };
        assert_eq!(parse(Config::DEFAULT_TOML).unwrap(), required);
        assert_eq!(parse("").unwrap(), required);
    }

    #[test]
    fn tokens_are_required() {
        let none: [(&str, &str); 0] = [];
        let error = config::parse::<Config, _, _>("", none).unwrap_err().to_string();
        assert!(error.contains("GATEWAY__OPERATOR_TOKEN_FILE"), "{error}");
    }

    #[test]
    fn wrong_values_are_named() {
        for (toml, part) in [
            ("[gateway.http]\nmax_connections = 0", "gateway.http.max_connections"),
            (
                "[gateway.http]\nconnections_per_source = 0",
                "gateway.http.connections_per_source",
            ),
            ("[gateway.http]\nhead_timeout = \"0s\"", "gateway.http.head_timeout"),
            ("[gateway.http]\ntrusted_proxies = [\"10.0.0.0/33\"]", "10.0.0.0/33"),
            ("[gateway]\nprivate_portals = [\"10.0.0\"]", "10.0.0"),
            ("[gateway.registrar]\nuri = \"127.0.0.1:1\"", "127.0.0.1:1"),
            ("[gateway.store]\nkey = \"ab\"", "gateway.store.key"),
            ("[gateway.store]\nurl = \"postgres://me@db/x\"", "GATEWAY__STORE__KEY"),
            ("[gateway.store]\nurl = \"mysql://me@db/x\"", "no postgres:// URL"),
            (
                "[gateway.store]\nurl = \"postgres://me:pass@db/x\"",
                "gateway.store.url",
            ),
            ("[gateway.limits]\ncalls = 0", "gateway.limits.calls"),
            ("[gateway.limits]\nbody = 1", "body"),
        ] {
            let error = parse(toml).unwrap_err().to_string();
            assert!(error.contains(part), "{toml}: {error}");
        }
    }
}
