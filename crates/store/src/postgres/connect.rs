//! How the database is reached.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::Deserialize;
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Connection, error};
use crate::{StoreError, StoreName};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection whose other end is silent for so long is given up.
const SILENCE: Duration = Duration::from_secs(10);

/// `postgres://USER@HOST[:PORT]/DATABASE`, with the parameters of libpq that the driver knows. Several hosts (`a,b`) are tried
/// in turn for the primary.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url(Config);

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            return Err("is no postgres:// URL: postgres://USER@HOST/DATABASE".into());
        }
        // The driver's message may quote the URL, password and all.
        let config: Config = text
            .parse()
            .map_err(|_| "can't be read: postgres://USER@HOST[:PORT]/DATABASE[?sslmode=require]")?;
        match config {
            config if config.get_password().is_some() => {
                Err("has a password: put it into a file and name that in `store.password_file`".into())
            }
            config if config.get_user().is_none() || config.get_hosts().is_empty() || config.get_dbname().is_none() => {
                Err("needs a user, a host and a database: postgres://USER@HOST/DATABASE".into())
            }
            config => Ok(Self(config)),
        }
    }
}

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// As people name the store.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.0.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts = hosts.collect::<Vec<_>>().join(",");
        write!(f, "postgres://{hosts}")?;
        if let [port] = self.0.get_ports() {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.0.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How the database is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The database.
    pub url: Url,
    /// A file with the user's password.
    pub password_file: Option<PathBuf>,
    /// A file with the certificates (PEM) of those who may vouch for the server; none: those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Whether a database may be used that loses commits when it crashes.
    pub allow_lossy_commits: bool,
}

/// A database that can be connected to. Cheap to clone.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) store: StoreName,
    pub(super) allow_lossy_commits: bool,
    config: Config,
    password_file: Option<Arc<Path>>,
    tls: MakeRustlsConnect,
}

impl Target {
    pub(super) fn new(settings: &Settings) -> Result<Self, StoreError> {
        let mut config = settings.url.0.clone();
        config
            .application_name("bizproc")
            .connect_timeout(CONNECT)
            .tcp_user_timeout(SILENCE)
            .keepalives_idle(SILENCE)
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let store: StoreName = settings.url.to_string().into();
        let tls = roots(settings.ca_file.as_deref(), config.get_ssl_mode()).map_err(|reason| StoreError::Open {
            store: store.clone(),
            reason,
        })?;
        Ok(Self {
            store,
            allow_lossy_commits: settings.allow_lossy_commits,
            config,
            password_file: settings.password_file.as_deref().map(Into::into),
            tls: MakeRustlsConnect::new(tls),
        })
    }

    /// A new connection, driven by the runtime in whose context this is called. The password is read anew: it may have changed.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        let mut config = self.config.clone();
        if let Some(file) = &self.password_file {
            let password = std::fs::read_to_string(file).map_err(|reason| StoreError::Open {
                store: self.store.clone(),
                reason: format!("the password file {}: {reason}", file.display()),
            })?;
            config.password(password.trim_end());
        }
        let connected = config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|reason| error::open(&self.store, &reason))?;
        // Its end is seen by the next statement.
        drop(tokio::spawn(connection));
        Ok(Connection::new(client))
    }
}

fn roots(file: Option<&Path>, mode: SslMode) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let cannot = |reason: String| format!("the certificates in {}: {reason}", file.display());
            let certificates = CertificateDer::pem_file_iter(file).map_err(|reason| cannot(reason.to_string()))?;
            for certificate in certificates {
                let added = certificate.map_err(|reason| reason.to_string());
                let added = added.and_then(|certificate| roots.add(certificate).map_err(|reason| reason.to_string()));
                added.map_err(cannot)?;
            }
            if roots.is_empty() {
                return Err(cannot("there are none".into()));
            }
        }
        None if mode == SslMode::Disable => {}
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|reason| reason.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
