//! Addresses to listen on.

use std::{fmt, io, net::SocketAddr};

use serde::{Deserialize, Deserializer, de};
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the system takes before we do, if it allows as many. With tokio's 128 a flood that is faster than us for
/// some milliseconds costs others a second each, until their system tries again.
const BACKLOG: u32 = 4096;

/// An address to listen on: `:8080` (all interfaces, IPv4 and IPv6), `127.0.0.1:8080` or `[::1]:8080`; port 0 lets the
/// system choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    text: String,
    candidates: Vec<SocketAddr>,
}

impl Listen {
    /// All interfaces.
    pub fn port(port: u16) -> Self {
        let candidates = vec![SocketAddr::from(([0; 8], port)), SocketAddr::from(([0; 4], port))];
        Self {
            text: format!(":{port}"),
            candidates,
        }
    }

    /// Loopback and a port of the system's choice; for tests and for what only this process calls.
    pub fn local() -> Self {
        Self {
            text: "127.0.0.1:0".into(),
            candidates: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        }
    }

    /// Opens the socket. `key` is the configuration key that an error names, e.g. `gateway.http.listen`.
    #[expect(
        clippy::unused_async,
        reason = "an open socket needs a runtime, which `async` makes plain"
    )]
    pub async fn bind(&self, key: &'static str) -> Result<TcpListener, BindError> {
        let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
        for candidate in &self.candidates {
            result = listen(*candidate);
            // A host without IPv6 refuses `[::]` in one way or another; a busy port is busy on IPv4, too.
            if !result
                .as_ref()
                .is_err_and(|error| error.kind() != io::ErrorKind::AddrInUse)
            {
                break;
            }
        }
        result.map_err(|error| BindError {
            key,
            address: self.text.clone(),
            error,
        })
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As tokio's own `bind` does: a restart need not wait for the old connections.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl std::str::FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let wrong = || ListenError(text.into());
        if let Some(port) = text.strip_prefix(':') {
            return port.parse().map(Self::port).map_err(|_| wrong());
        }
        let address = text.parse().map_err(|_| wrong())?;
        Ok(Self {
            text: text.into(),
            candidates: vec![address],
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A text that is not an address.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no address to listen on: write `:8080`, `127.0.0.1:8080` or `[::1]:8080`")]
pub struct ListenError(String);

/// A socket that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({key}): {error}")]
pub struct BindError {
    key: &'static str,
    address: String,
    error: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_they_are_used() {
        assert_eq!(":8080".parse::<Listen>().unwrap(), Listen::port(8080));
        assert_eq!("127.0.0.1:0".parse::<Listen>().unwrap(), Listen::local());
        assert!("[::1]:80".parse::<Listen>().is_ok());
        for wrong in ["", ":", "8080", ":65536", "localhost:80", "1.2.3:4"] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn all_interfaces_means_ipv4_at_least() {
        let listener = Listen::port(0).bind("test.listen").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    }

    #[tokio::test]
    async fn a_busy_port_is_named_with_its_key() {
        let first = Listen::port(0).bind("test.listen").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let error = Listen::port(port).bind("test.listen").await.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot listen on :{port} (test.listen): ")),
            "{error}"
        );
    }
}
