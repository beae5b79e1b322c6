//! Configuration of a hasher.

use std::time::Duration;

use serde::Deserialize;
use service::{ConfigError, Configuration, Lifecycle, Listen, grpc::Tls};

/// The table `[hasher]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where gRPC is served.
    pub grpc: Grpc,
    /// Where `/live`, `/ready` and `/metrics` are served.
    pub admin: Admin,
    /// `HASHER__TLS__CERT_FILE` and `HASHER__TLS__KEY_FILE`: gRPC over TLS. Default: in the clear.
    pub tls: Option<Tls>,
    /// Largest request and largest answer, in bytes. `HASHER__MAX_MESSAGE_BYTES`, default 4 MiB.
    pub max_message_bytes: usize,
    /// Longest wait for the calls in flight when it stops. `HASHER__DRAIN_LIMIT`, default `25s`.
    #[serde(with = "service::config::duration")]
    pub drain_limit: Duration,
}

/// `[hasher.grpc]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grpc {
    /// `HASHER__GRPC__LISTEN`, default `:50051`.
    pub listen: Listen,
}

/// `[hasher.admin]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// `HASHER__ADMIN__LISTEN`, default `:9082`.
    pub listen: Listen,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            grpc: Grpc::default(),
            admin: Admin::default(),
            tls: None,
            max_message_bytes: 4 * 1024 * 1024,
            drain_limit: Lifecycle::DRAIN_LIMIT,
        }
    }
}

impl Default for Grpc {
    fn default() -> Self {
        Self {
            listen: Listen::port(50051),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: Listen::port(9082),
        }
    }
}

impl Configuration for Config {
    const SECTION: &'static str = "hasher";
    const DEFAULT_TOML: &'static str = include_str!("../hasher.toml");

    fn drain_limit(&self) -> Duration {
        self.drain_limit
    }

    fn check(&self) -> Result<(), ConfigError> {
        // Less would not even take a page of text; prost's lengths end at 2 GiB.
        if !(1024..=1 << 31).contains(&self.max_message_bytes) {
            return Err(ConfigError::invalid(
                "hasher.max_message_bytes",
                "must be from 1024 to 2147483648",
            ));
        }
        self.tls.as_ref().map_or(Ok(()), |tls| tls.check("hasher.tls"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(toml: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        service::config::parse(toml, variables.iter().copied()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_printed_default_is_the_default() {
        assert_eq!(parse(Config::DEFAULT_TOML, &[]).unwrap(), Config::default());
        assert_eq!(parse("", &[]).unwrap(), Config::default());
    }

    #[test]
    fn the_environment_wins() {
        let config = parse(
            Config::DEFAULT_TOML,
            &[
                ("HASHER__GRPC__LISTEN", "127.0.0.1:0"),
                ("HASHER__MAX_MESSAGE_BYTES", "65536"),
            ],
        )
        .unwrap();
        assert_eq!(config.grpc.listen, Listen::local());
        assert_eq!(config.max_message_bytes, 65536);
    }

    #[test]
    fn limits_have_bounds() {
        let error = parse("hasher.max_message_bytes = 0", &[]).unwrap_err();
        assert_eq!(
            error,
            "configuration: `hasher.max_message_bytes`: must be from 1024 to 2147483648"
        );
    }
}
