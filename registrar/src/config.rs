//! The configuration: the table `[registrar]`.

mod app;
mod executor;
mod public_url;
mod questions;
mod store;

use std::{collections::BTreeMap, time::Duration};

use bitrix::oauth::Servers;
use serde::Deserialize;
use service::{
    ConfigError, Configuration, Listen, Secret,
    grpc::Tls,
    guard::{Guard, Place},
};

pub use self::{
    app::{App, AppName, Portal},
    executor::{Descriptors, Executor},
    public_url::PublicUrl,
    questions::Questions,
    store::Store,
};

/// Configuration of the registrar; the commented default is [`Configuration::DEFAULT_TOML`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `REGISTRAR__PUBLIC_URL`: where portals reach the gateway. Required.
    pub public_url: Option<PublicUrl>,
    /// `REGISTRAR__SERVICE_TOKEN`: bearer token of the gateways. Required.
    pub service_token: Option<Secret>,
    /// `REGISTRAR__OPERATOR_TOKEN`: bearer token of people and their tools. Required.
    pub operator_token: Option<Secret>,
    /// `REGISTRAR__OAUTH_HOSTS`: the hosts that are believed about tokens. Default: the vendor's two.
    pub oauth_hosts: Vec<String>,
    /// `REGISTRAR__PRIVATE_PORTALS`: networks and hosts that may be called though they are not public. Default: none.
    pub private_portals: Vec<Place>,
    /// `REGISTRAR__RECONCILE_INTERVAL`: how often each portal is looked at. Default: 10 min.
    #[serde(with = "service::config::duration")]
    pub reconcile_interval: Duration,
    /// `REGISTRAR__REREAD_INTERVAL`: how often descriptors are read by reflection. Default: 1 min.
    #[serde(with = "service::config::duration")]
    pub reread_interval: Duration,
    /// `REGISTRAR__KEEP_REVISIONS`: how long a replaced revision is kept. Default: 30 days.
    #[serde(with = "service::config::duration")]
    pub keep_revisions: Duration,
    /// `REGISTRAR__LOST_AFTER`: how long an OAuth server must refuse an installation that nothing else speaks against. Default: 2 h.
    #[serde(with = "service::config::duration")]
    pub lost_after: Duration,
    /// What OAuth servers are asked because of requests.
    pub questions: Questions,
    /// The gRPC port.
    pub grpc: Grpc,
    /// The admin port.
    pub admin: Admin,
    /// `REGISTRAR__TLS__CERT_FILE` and `REGISTRAR__TLS__KEY_FILE`: gRPC over TLS. Default: in the clear.
    pub tls: Option<Tls>,
    /// The store.
    pub store: Store,
    /// `REGISTRAR__APPS__NAME__…`: the apps by name. At least one is required.
    pub apps: BTreeMap<AppName, App>,
    /// `REGISTRAR__EXECUTORS__NAME__…`: the executors by name.
    pub executors: BTreeMap<String, Executor>,
}

/// The gRPC port.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grpc {
    /// `REGISTRAR__GRPC__LISTEN`. Default: `:50052`.
    pub listen: Listen,
}

/// The admin port.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// `REGISTRAR__ADMIN__LISTEN`. Default: `:9081`.
    pub listen: Listen,
}

impl Configuration for Config {
    const SECTION: &'static str = "registrar";
    const DEFAULT_TOML: &'static str = include_str!("../registrar.toml");

    fn check(&self) -> Result<(), ConfigError> {
        if self.public_url.is_none() {
            return Err(ConfigError::missing("registrar.public_url", false));
        }
        for (key, token) in [
            ("registrar.service_token", &self.service_token),
            ("registrar.operator_token", &self.operator_token),
        ] {
            if token.as_ref().is_none_or(|token| token.expose().is_empty()) {
                return Err(ConfigError::missing(key, true));
            }
        }
        if self.oauth_hosts.is_empty() {
            return Err(ConfigError::invalid(
                "registrar.oauth_hosts",
                "is empty: nobody could be believed",
            ));
        }
        self.oauth_servers()?;
        for (key, duration) in [
            ("registrar.reconcile_interval", self.reconcile_interval),
            ("registrar.reread_interval", self.reread_interval),
        ] {
            if duration < Duration::from_secs(1) {
                return Err(ConfigError::invalid(key, "is too short: at least `1s`"));
            }
        }
        self.questions.check()?;
        self.store.check()?;
        if let Some(tls) = &self.tls {
            tls.check("registrar.tls")?;
        }
        if self.apps.is_empty() {
            return Err(ConfigError::invalid(
                "registrar.apps",
                "is empty: add a table `[registrar.apps.NAME]`",
            ));
        }
        let mut client_ids = BTreeMap::new();
        for (name, app) in &self.apps {
            if let Some(other) = client_ids.insert(&app.client_id, name) {
                let problem = format!("is that of `{other}`, too: an app can be configured once");
                return Err(ConfigError::invalid(
                    format!("registrar.apps.{name}.client_id"),
                    problem,
                ));
            }
            app.check(name, &self.executors)?;
        }
        Ok(())
    }
}

impl Config {
    /// The OAuth hosts, the one asked first in front.
    pub(crate) fn oauth_servers(&self) -> Result<Servers, ConfigError> {
        Servers::parse(&self.oauth_hosts)
            .map_err(|error| ConfigError::invalid("registrar.oauth_hosts", error.to_string()))
    }

    /// The guard over the addresses of portals.
    pub(crate) fn guard(&self) -> Guard {
        Guard::new("registrar.private_portals", &self.private_portals)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            public_url: None,
            service_token: None,
            operator_token: None,
            oauth_hosts: vec!["https://oauth.bitrix.info".into(), "https://oauth.bitrix24.tech".into()],
            private_portals: Vec::new(),
            reconcile_interval: Duration::from_mins(10),
            reread_interval: Duration::from_mins(1),
            keep_revisions: Duration::from_hours(30 * 24),
            lost_after: Duration::from_hours(2),
            questions: Questions::default(),
            grpc: Grpc::default(),
            admin: Admin::default(),
            tls: None,
            store: Store::default(),
            apps: BTreeMap::new(),
            executors: BTreeMap::new(),
        }
    }
}

impl Default for Grpc {
    fn default() -> Self {
        Self {
            listen: Listen::port(50052),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: Listen::port(9081),
        }
    }
}

#[cfg(test)]
mod tests;
