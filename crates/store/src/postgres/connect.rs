//! How the database is reached.

use std::{fmt, future::poll_fn, str::FromStr, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::Deserialize;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{
    AsyncMessage, Config,
    config::{Host, TargetSessionAttrs},
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
            config if config.get_password().is_some() => Err(
                "has a password: put it into `store.password`, or into a file that `store.password_file` names".into(),
            ),
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
        let hosts = self.0.get_hosts().iter().zip(self.0.get_ports());
        let hosts = hosts.map(|(host, port)| match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        });
        write!(f, "postgres://{}", hosts.collect::<Vec<_>>().join(","))?;
        write!(f, "/{}", self.0.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How the database is reached.
#[derive(Clone)]
pub struct Settings {
    /// The database.
    pub url: Url,
    /// The user's password.
    pub password: Option<String>,
    /// Certificates (PEM) of those who may vouch for the server; none: those that the system trusts.
    pub ca: Option<String>,
    /// Whether a database may be used that loses commits when it crashes.
    pub allow_lossy_commits: bool,
}

/// A database that can be connected to. Cheap to clone.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) store: StoreName,
    pub(super) allow_lossy_commits: bool,
    config: Config,
    tls: MakeRustlsConnect,
}

impl Target {
    pub(super) fn new(settings: &Settings) -> Result<Self, StoreError> {
        let store: StoreName = settings.url.to_string().into();
        let tls = tls(settings.ca.as_deref()).map_err(|reason| StoreError::Connect {
            store: store.clone(),
            reason,
            advice: "correct the certificates in `store.ca`, or those of the system",
        })?;
        let mut config = settings.url.0.clone();
        config
            .application_name("bizproc")
            .connect_timeout(CONNECT)
            .tcp_user_timeout(SILENCE)
            .keepalives_idle(SILENCE)
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        if let Some(password) = &settings.password {
            config.password(password);
        }
        Ok(Self {
            store,
            allow_lossy_commits: settings.allow_lossy_commits,
            config,
            tls: MakeRustlsConnect::new(tls),
        })
    }

    /// A new connection, driven by the runtime in whose context this is called.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        Ok(self.connect_listening().await?.0)
    }

    /// The same, with what it is notified of.
    pub(super) async fn connect_listening(&self) -> Result<(Connection, UnboundedReceiver<String>), StoreError> {
        let connected = self.config.connect(self.tls.clone()).await;
        let (client, mut connection) = connected.map_err(|reason| error::unusable(&self.store, &reason))?;
        let (sender, notices) = unbounded_channel();
        tokio::spawn(async move {
            // Its end is seen by the next statement.
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notice) = message {
                    // Fails where nobody listens.
                    drop(sender.send(notice.payload().to_owned()));
                }
            }
        });
        Ok((Connection::new(client), notices))
    }
}

fn tls(ca: Option<&str>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = ca {
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            let certificate = certificate.map_err(|reason| reason.to_string())?;
            roots.add(certificate).map_err(|reason| reason.to_string())?;
        }
        if roots.is_empty() {
            return Err("there is no certificate in `store.ca`".into());
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|reason| reason.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_user() {
        for (url, shown) in [
            ("postgres://me@db.example/bizproc", "postgres://db.example:5432/bizproc"),
            (
                "postgresql://me@a:5433,b:5434/x?sslmode=require",
                "postgres://a:5433,b:5434/x",
            ),
            ("postgres://me@[::1]:5433/x", "postgres://[::1]:5433/x"),
        ] {
            assert_eq!(url.parse::<Url>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_its_secrets() {
        for (url, part) in [
            ("mysql://me@db/x", "no postgres:// URL"),
            ("postgres://me:s3cret@db/x", "has a password"),
            ("postgres://db/x", "needs a user"),
            ("postgres://me@db", "needs a user, a host and a database"),
            ("postgres://me:s3cret@db:port/x", "can't be read"),
            ("postgres://me:s3cret@db/x?sslmode=verify-full", "can't be read"),
        ] {
            let problem = url.parse::<Url>().unwrap_err();
            assert!(
                problem.contains(part) && !problem.contains("s3cret"),
                "{url}: {problem}"
            );
        }
    }
}
