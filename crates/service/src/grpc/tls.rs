//! TLS of a server, with a certificate that may be renewed while it runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::{Stream, StreamExt, future};
use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{ConfigError, Lifecycle};

/// How often the files are looked at: certificates are renewed days before they end, people wait for seconds. File watchers see
/// inodes, and Kubernetes renews a secret by turning a link to another folder.
const LOOK: Duration = Duration::from_secs(2);
/// Longest wait for a client's part of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once; more connections wait in the system's queue.
const HANDSHAKES: usize = 256;

/// The table `tls` of a service: both files in PEM. They are read again when they change, so these two keys are paths and
/// not, as elsewhere, another way to give a text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// `…__TLS__CERT_FILE`: the server's certificate and those between it and a root.
    pub cert_file: PathBuf,
    /// `…__TLS__KEY_FILE`: its private key.
    pub key_file: PathBuf,
}

impl Tls {
    /// Whether the files can be used. `key` is the table's, e.g. `hasher.tls`.
    pub fn check(&self, key: &str) -> Result<(), ConfigError> {
        self.load()
            .map(drop)
            .map_err(|error| ConfigError::invalid(format!("{key}.{}", error.key), error.problem))
    }

    fn load(&self) -> Result<(Files, CertifiedKey), TlsError> {
        let files = self.read()?;
        let key = self.parse(&files)?;
        Ok((files, key))
    }

    fn read(&self) -> Result<Files, TlsError> {
        let read = |key, path: &Path| {
            fs::read(path).map_err(|error| TlsError {
                key,
                problem: format!("cannot read {}: {error}", path.display()),
            })
        };
        Ok(Files {
            cert: read("cert_file", &self.cert_file)?,
            key: read("key_file", &self.key_file)?,
        })
    }

    fn parse(&self, files: &Files) -> Result<CertifiedKey, TlsError> {
        let of_cert = |problem: String| TlsError {
            key: "cert_file",
            problem: format!("{} {problem}", self.cert_file.display()),
        };
        let of_key = |problem: String| TlsError {
            key: "key_file",
            problem: format!("{} {problem}", self.key_file.display()),
        };
        let certs = CertificateDer::pem_slice_iter(&files.cert)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| of_cert(format!("is not PEM: {error}")))?;
        if certs.is_empty() {
            return Err(of_cert("holds no certificate in PEM".into()));
        }
        let key = PrivateKeyDer::from_pem_slice(&files.key)
            .map_err(|error| of_key(format!("holds no private key in PEM: {error}")))?;
        CertifiedKey::from_der(certs, key, &ring::default_provider())
            .map_err(|error| of_key(format!("does not go with {}: {error}", self.cert_file.display())))
    }
}

/// What the files held.
#[derive(PartialEq, Eq)]
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
}

/// Files that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
struct TlsError {
    key: &'static str,
    problem: String,
}

/// The certificate in use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().clone())
    }
}

/// Makes TLS connections of TCP ones, with the certificate that the files have now.
pub(super) fn incoming<S>(
    tls: Tls,
    connections: S,
    lifecycle: &Lifecycle,
) -> anyhow::Result<impl Stream<Item = io::Result<TlsStream<TcpStream>>> + use<S>>
where
    S: Stream<Item = io::Result<TcpStream>>,
{
    let (files, key) = tls.load()?;
    let current = Arc::new(Current(RwLock::new(Arc::new(key))));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(current.clone());
    config.alpn_protocols = vec![b"h2".to_vec()];
    lifecycle.spawn("TLS certificate", renew(tls, files, current, lifecycle.clone()));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(connections
        .map(move |connection| shake_hands(acceptor.clone(), connection))
        .buffer_unordered(HANDSHAKES)
        .filter_map(future::ready))
}

/// `None`: the client failed, which the server does not report.
async fn shake_hands(
    acceptor: TlsAcceptor,
    connection: io::Result<TcpStream>,
) -> Option<io::Result<TlsStream<TcpStream>>> {
    let connection = match connection {
        Ok(connection) => connection,
        Err(error) => return Some(Err(error)),
    };
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(connection)).await {
        Ok(Ok(stream)) => Some(Ok(stream)),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("TLS handshake took too long");
            None
        }
    }
}

/// Takes over the files' new content once both fit together: they are not written at the same time.
async fn renew(tls: Tls, mut files: Files, current: Arc<Current>, lifecycle: Lifecycle) {
    let (tls, stopping) = (Arc::new(tls), lifecycle.stopping());
    let mut failing = false;
    while stopping.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        let reader = tls.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || reader.read()).await else {
            continue;
        };
        let parsed = match read {
            Ok(found) if found == files => {
                failing = false;
                continue;
            }
            Ok(found) => tls.parse(&found).map(|key| (found, key)),
            Err(error) => Err(error),
        };
        match parsed {
            Ok((found, key)) => {
                files = found;
                *current.0.write() = Arc::new(key);
                tracing::info!(cert = %tls.cert_file.display(), "TLS certificate renewed");
            }
            // Reported at the second look in a row: they may be half written.
            Err(error) if failing => {
                tracing::warn!(%error, "the new TLS certificate cannot be used: the old one stays in use");
            }
            Err(_) => {}
        }
        failing = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cert: &str, key: &str) -> (tempfile::TempDir, Tls) {
        let folder = tempfile::tempdir().unwrap();
        let (cert_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        fs::write(&cert_file, cert).unwrap();
        fs::write(&key_file, key).unwrap();
        (folder, Tls { cert_file, key_file })
    }

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn files_that_cannot_be_used_are_named_with_their_key() {
        let (cert, key) = made();
        let (_, other_key) = made();
        let problem = |cert: &str, key: &str| {
            let (_folder, tls) = written(cert, key);
            tls.check("hasher.tls").unwrap_err().to_string()
        };
        let (_folder, tls) = written(&cert, &key);
        tls.check("hasher.tls").unwrap();
        assert!(problem(&cert, &other_key).contains("key.pem does not go with "));
        assert!(problem("", &key).contains("`hasher.tls.cert_file`: "));
        assert!(problem("", &key).contains("cert.pem holds no certificate in PEM"));
        assert!(problem(&cert, "nonsense").contains("key.pem holds no private key in PEM"));
        let missing = Tls {
            cert_file: "/nowhere.pem".into(),
            ..tls
        };
        assert!(
            missing
                .check("hasher.tls")
                .unwrap_err()
                .to_string()
                .contains("cannot read /nowhere.pem")
        );
    }
}
