//! Connections to gRPC servers.

use std::{fmt, net::SocketAddr, time::Duration};

use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Uri};

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

/// An address that no connection can be made to.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Not `http://host:port` or `https://host:port`.
    #[error("`{0}` is no gRPC address: write `http://host:port` or `https://host:port`")]
    Address(String),
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
    Ok(Address::parse(address)?.endpoint(connection, None)?.connect_lazy())
}

/// `http://host:port` or `https://host:port`.
pub(crate) struct Address {
    uri: Uri,
    tls: bool,
}

impl Address {
    pub(crate) fn parse(address: &str) -> Result<Self, ChannelError> {
        let wrong = || ChannelError::Address(address.into());
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        if uri.host().is_none() || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self { uri, tls })
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.tls
    }

    /// A name or an address; IPv6 without brackets.
    pub(super) fn host(&self) -> &str {
        let host = self.uri.host().unwrap_or_default();
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
    }

    pub(super) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// How to connect: wherever the name leads, or `to` one of its servers.
    pub(super) fn endpoint(&self, connection: &Connection, to: Option<SocketAddr>) -> Result<Endpoint, ChannelError> {
        let endpoint = match to {
            None => Endpoint::from(self.uri.clone()),
            Some(server) => {
                let uri = format!("{}://{server}", if self.tls { "https" } else { "http" });
                let uri: Uri = uri.parse().map_err(|_| ChannelError::Address(uri))?;
                // The servers still see the name.
                Endpoint::from(uri).origin(self.uri.clone())
            }
        };
        // HTTP/2 windows stay as they are: small ones make h2 take a burst of small replies for an attack.
        let endpoint = endpoint
            .connect_timeout(connection.connect_timeout)
            .http2_keep_alive_interval(connection.keep_alive)
            .keep_alive_timeout(connection.keep_alive_timeout)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        if !self.tls {
            return Ok(endpoint);
        }
        crate::tls::install_provider();
        endpoint
            .tls_config(ClientTlsConfig::new().with_native_roots().domain_name(self.host()))
            .map_err(|source| ChannelError::Tls {
                address: self.to_string(),
                source,
            })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri.to_string().trim_end_matches('/'))
    }
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
