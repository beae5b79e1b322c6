//! Addresses of servers.

use std::fmt;

use http::Uri;

/// Not `http://host:port` or `https://host:port`.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no gRPC address: write `http://host:port` or `https://host:port`")]
pub struct AddressError(String);

/// `http://host:port` or `https://host:port`.
pub(crate) struct Address {
    uri: Uri,
    tls: bool,
}

impl Address {
    pub(crate) fn parse(address: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(address.into());
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
    pub(crate) fn host(&self) -> &str {
        let host = self.uri.host().unwrap_or_default();
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
    }

    pub(crate) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.tls { 443 } else { 80 })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri.to_string().trim_end_matches('/'))
    }
}
