//! Connections to gRPC servers.

use std::{net::SocketAddr, time::Duration};

use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use crate::address::{Address, AddressError};

/// How a connection is kept. The defaults suit services in one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Longest wait for a connection. Without one, a swallowed SYN holds a call forever.
    pub connect_timeout: Duration,
    /// Pause between HTTP/2 pings, sent without calls in flight, too: a peer that vanished is noticed.
    pub keep_alive: Duration,
    /// Longest wait for the answer to a ping.
    pub keep_alive_timeout: Duration,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(10),
        }
    }
}

/// An address that cannot be connected to.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Not `http://host:port` or `https://host:port`.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// TLS cannot be set up.
    #[error("TLS to {address} cannot be set up: {source}")]
    Tls {
        /// The address.
        address: String,
        /// What is missing, e.g. the system's root certificates.
        source: tonic::transport::Error,
    },
}

/// A channel to `http://host:port` or `https://host:port` (the system's root certificates). It connects at the first call and
/// again when the connection is lost. Calls have no time-out of their own: give each a deadline. Must be called in a runtime.
pub fn channel(address: &str, connection: &Connection) -> Result<Channel, ChannelError> {
    Ok(endpoint(&Address::parse(address)?, connection, None)?.connect_lazy())
}

/// How to connect to an address: wherever the name leads, or `to` one of its servers.
pub(super) fn endpoint(
    address: &Address,
    connection: &Connection,
    to: Option<SocketAddr>,
) -> Result<Endpoint, ChannelError> {
    let endpoint = match to {
        None => Endpoint::from(address.uri().clone()),
        Some(server) => {
            let uri = format!("{}://{server}", if address.has_tls() { "https" } else { "http" });
            // The servers still see the name.
            Endpoint::from(Address::parse(&uri)?.uri().clone()).origin(address.uri().clone())
        }
    };
    // HTTP/2 windows stay as they are: small ones make h2 take a burst of small replies for an attack.
    let endpoint = endpoint
        .connect_timeout(connection.connect_timeout)
        .http2_keep_alive_interval(connection.keep_alive)
        .keep_alive_timeout(connection.keep_alive_timeout)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    if !address.has_tls() {
        return Ok(endpoint);
    }
    crate::tls::install_provider();
    endpoint
        .tls_config(ClientTlsConfig::new().with_native_roots().domain_name(address.host()))
        .map_err(|source| ChannelError::Tls {
            address: address.to_string(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_checked_before_they_are_used() {
        for right in [
            "http://localhost:50051",
            "http://[::1]:50051/",
            "https://executor.example:443",
        ] {
            assert!(channel(right, &Connection::default()).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "localhost:50051",
            "ftp://x",
            "http://x/path",
            "http://x?y",
            "unix:/run/x",
        ] {
            let error = channel(wrong, &Connection::default()).unwrap_err().to_string();
            assert!(error.contains("is no gRPC address"), "{wrong}: {error}");
        }
    }
}
