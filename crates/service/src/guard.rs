//! A guard over the addresses that calls and tokens go to, where somebody else names the host: the owner of a host decides
//! what its name resolves to, and it may be our own network. A name is checked when it is resolved, by the very addresses that
//! are connected to.

mod public;

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde::{Deserialize, Deserializer, de};

pub use self::public::is_public;
use crate::Network;

/// What may be called although it is not public: a network, or a host wherever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An address or a network.
    Network(Network),
    /// A name, in lower case.
    Host(String),
}

/// Neither a network nor a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address, network or host: write `10.0.0.0/8` or `portal.example`")]
pub struct PlaceError(String);

/// The guard; clones are the same.
#[derive(Debug, Clone)]
pub struct Guard {
    key: &'static str,
    allowed: Arc<[Place]>,
}

/// A host that may not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Forbidden {
    host: String,
    address: IpAddr,
    key: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, address, key } = self;
        if host.parse() == Ok(*address) {
            write!(f, "{address} is")?;
        } else {
            write!(f, "{host} is at {address},")?;
        }
        write!(
            f,
            " no public address: if it may be called, name it or its network in `{key}`"
        )
    }
}

impl Guard {
    /// `key`: of the configuration, where `allowed` comes from.
    pub fn new(key: &'static str, allowed: &[Place]) -> Self {
        Self {
            key,
            allowed: allowed.into(),
        }
    }

    /// Checks a host that is an address; brackets don't matter. Connectors ask no resolver about those.
    ///
    /// # Errors
    /// [`Forbidden`]. A name is never: [`Self::resolve`] checks it.
    pub fn check(&self, host: &str) -> Result<(), Forbidden> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse() {
            Ok(address) => self.check_address(bare, address),
            Err(_) => Ok(()),
        }
    }

    /// The addresses of a host that may be called. The port is 0.
    ///
    /// # Errors
    /// The name does not resolve, or to [`Forbidden`] addresses only.
    pub async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        self.filter(host, tokio::net::lookup_host((host, 0)).await?)
    }

    fn filter(&self, host: &str, addresses: impl Iterator<Item = SocketAddr>) -> io::Result<Vec<SocketAddr>> {
        let mut forbidden = None;
        let mut allowed = Vec::new();
        for address in addresses {
            match self.check_address(host, address.ip()) {
                Ok(()) => allowed.push(address),
                Err(error) => forbidden = forbidden.or(Some(error)),
            }
        }
        match forbidden {
            Some(error) if allowed.is_empty() => Err(io::Error::new(io::ErrorKind::PermissionDenied, error)),
            _ => Ok(allowed),
        }
    }

    fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Forbidden> {
        let named = |place: &Place| match place {
            Place::Network(network) => public::forms(address).any(|form| network.contains(form)),
            Place::Host(name) => name.eq_ignore_ascii_case(host.trim_end_matches('.')),
        };
        if is_public(address) || self.allowed.iter().any(named) {
            return Ok(());
        }
        Err(Forbidden {
            host: host.to_owned(),
            address,
            key: self.key,
        })
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = Self::resolve(&guard, name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Host(name) => f.write_str(name),
        }
    }
}

impl std::str::FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        // What ends in a digit was meant as an address.
        if text.bytes().all(letter) && text.bytes().next_back().is_some_and(|last| last.is_ascii_alphabetic()) {
            return Ok(Self::Host(text.to_ascii_lowercase()));
        }
        Err(PlaceError(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "test.private_portals";

    fn guard(places: &[&str]) -> Guard {
        let place = |text: &&str| text.parse::<Place>().unwrap();
        Guard::new(KEY, &places.iter().map(place).collect::<Vec<_>>())
    }

    fn at(addresses: &[&str]) -> Vec<SocketAddr> {
        let address = |text: &&str| SocketAddr::new(text.parse().unwrap(), 0);
        addresses.iter().map(address).collect()
    }

    #[test]
    fn literal_hosts_are_checked() {
        let none = guard(&[]);
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "[::1]",
            "::1",
            "[::ffff:10.1.2.3]",
            "169.254.169.254",
        ] {
            assert!(none.check(host).is_err(), "{host}");
        }
        for host in ["8.8.8.8", "[2a02:6b8::1]", "portal.example", "localhost"] {
            assert!(none.check(host).is_ok(), "{host}");
        }
        assert_eq!(
            none.check("10.1.2.3").unwrap_err().to_string(),
            "10.1.2.3 is no public address: if it may be called, name it or its network in `test.private_portals`"
        );
    }

    #[test]
    fn what_the_configuration_names_may_be_called() {
        let some = guard(&["10.0.0.0/8", "::1", "portal.CORP"]);
        for host in ["10.1.2.3", "[::1]", "[::ffff:10.1.2.3]", "[64:ff9b::10.1.2.3]"] {
            assert!(some.check(host).is_ok(), "{host}");
        }
        assert!(some.check("127.0.0.1").is_err());
        let private = at(&["192.168.1.1"]);
        for host in ["portal.corp", "Portal.Corp."] {
            assert_eq!(some.filter(host, private.clone().into_iter()).unwrap(), private);
        }
        assert!(some.filter("other.portal.corp", private.into_iter()).is_err());
    }

    #[test]
    fn of_a_names_addresses_those_that_may_be_called_stay() {
        let none = guard(&[]);
        let mixed = at(&["10.1.2.3", "8.8.8.8", "::1"]);
        assert_eq!(none.filter("a.example", mixed.into_iter()).unwrap(), at(&["8.8.8.8"]));
        let error = none
            .filter("a.example", at(&["10.1.2.3", "::1"]).into_iter())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.example is at 10.1.2.3, no public address: if it may be called, name it or its network in \
             `test.private_portals`"
        );
    }

    #[tokio::test]
    async fn names_are_checked_when_they_are_resolved() {
        let error = guard(&[]).resolve("localhost").await.unwrap_err();
        assert!(error.to_string().starts_with("localhost is at "), "{error}");
        let addresses = guard(&["127.0.0.0/8", "::1"]).resolve("localhost").await.unwrap();
        assert!(!addresses.is_empty());
    }

    #[test]
    fn places_are_networks_or_hosts() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("::1", "::1/128"),
            ("Portal.Corp", "portal.corp"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.to_string().as_str(), written.parse()), (written, Ok(place)));
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0", "a b", "http://a.b", "a:80", "*.corp"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
