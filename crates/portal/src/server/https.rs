//! The emulator under the names that apps meet in the cloud: portals by their domain, the authorisation server by the vendor's two
//! hosts, all over https. A proxy leads these names here, and a certification authority of the emulator's own signs their certificates.

mod authority;
pub(crate) mod proxy;

use std::{io, net::SocketAddr, path::PathBuf};

pub(crate) use authority::Authority;

/// How apps are to reach the emulator under its public names.
#[derive(Debug, Clone)]
pub struct Https {
    /// Where the proxy listens; only this machine may reach it.
    pub proxy: SocketAddr,
    /// Gets the authority's certificate (PEM), for the apps' trust stores. It is a new one at every start.
    pub ca_file: Option<PathBuf>,
}

impl Default for Https {
    fn default() -> Self {
        Self {
            proxy: SocketAddr::from(([127, 0, 0, 1], 0)),
            ca_file: None,
        }
    }
}

impl Https {
    /// Makes the authority and leaves its certificate where it was asked for.
    pub(crate) fn authority(&self, now: i64) -> io::Result<Authority> {
        if !self.proxy.ip().is_loopback() {
            let text = format!(
                "the proxy can listen only on a loopback address such as 127.0.0.1, not on {}",
                self.proxy.ip()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let authority = Authority::new(now).map_err(io::Error::other)?;
        if let Some(file) = &self.ca_file {
            std::fs::write(file, authority.pem())
                .map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", file.display())))?;
        }
        Ok(authority)
    }
}
