//! Installations in the store: their credentials encrypted, and gateways told of what matters to them.

use std::sync::Arc;

use jiff::Timestamp;
use proto::registrar::v1::InstallationState as State;
use service::seal::Sealer;
use tokio::sync::Notify;

use super::{Credentials, Installation, Key, TokenDigest, credentials::digest};
use crate::{
    error::Error,
    storage::{Adoption, Outcome, SealedCredentials, Storage},
};

/// The installations; all writes are durable when they return.
#[derive(Clone)]
pub(crate) struct Installations {
    storage: Storage,
    sealer: Arc<Sealer>,
    changes: Arc<Notify>,
}

impl Installations {
    /// In this store, encrypted by this sealer; `changes` is told of what matters to gateways.
    pub(crate) fn new(storage: Storage, sealer: Sealer, changes: Arc<Notify>) -> Self {
        Self {
            storage,
            sealer: Arc::new(sealer),
            changes,
        }
    }

    /// One installation.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Installation>, Error> {
        let stored = self.storage.reads().installation(key.clone()).await?;
        Ok(stored.map(|(installation, _)| installation))
    }

    /// One installation with its credentials, unless they were erased.
    pub(crate) async fn get_with_credentials(
        &self,
        key: &Key,
    ) -> Result<Option<(Installation, Option<Credentials>)>, Error> {
        let Some((installation, sealed)) = self.storage.reads().installation(key.clone()).await? else {
            return Ok(None);
        };
        let credentials = sealed
            .map(|sealed| Credentials::open(&self.sealer, key, &sealed))
            .transpose()?;
        Ok(Some((installation, credentials)))
    }

    /// All of an app, or of all apps, by app and `member_id`.
    pub(crate) async fn list(&self, app: Option<&str>) -> Result<Vec<Installation>, Error> {
        Ok(self.storage.reads().installations(app.map(ToOwned::to_owned)).await?)
    }

    /// Fails when the key is not the one that the store was written with.
    pub(crate) async fn check_key(&self) -> Result<(), Error> {
        if let Some((installation, Some(sealed))) = self.storage.reads().any_with_credentials().await? {
            Credentials::open(&self.sealer, &installation.key, &sealed)?;
        }
        Ok(())
    }

    /// Takes credentials; the installation is as new, but what its portal holds is remembered.
    pub(crate) async fn adopt(&self, key: &Key, adoption: Adoption, credentials: &Credentials) -> Result<(), Error> {
        let sealed = self.seal(key, credentials)?;
        self.storage.adopt(key, adoption, sealed).await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Believes an application token from now on, beside the one believed before.
    pub(crate) async fn learn(&self, key: &Key, token: TokenDigest) -> Result<(), Error> {
        self.storage.learn(key, token).await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Replaces the pair of tokens after a refresh; `endpoint` when the OAuth server named one.
    pub(crate) async fn refreshed(
        &self,
        key: &Key,
        credentials: &Credentials,
        endpoint: Option<String>,
        at: Timestamp,
    ) -> Result<(), Error> {
        let sealed = self.seal(key, credentials)?;
        self.storage.refreshed(key, sealed, endpoint, at).await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Whether a refresh token was taken or used before.
    pub(crate) async fn is_spent(&self, refresh_token: &str) -> Result<bool, Error> {
        Ok(self.storage.reads().is_spent(digest(refresh_token)).await?)
    }

    /// Notes that the OAuth server refuses to renew the token.
    pub(crate) async fn doubt(&self, key: &Key, problem: &str, at: Timestamp) -> Result<(), Error> {
        self.storage.doubt(key, problem, at).await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Sets the state found by a failing call or by `app.info`.
    pub(crate) async fn set_state(&self, key: &Key, state: State, problem: &str) -> Result<(), Error> {
        self.storage.set_state(key, state, problem).await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Moves an installation to the address that the OAuth server names.
    pub(crate) async fn set_endpoint(&self, key: &Key, endpoint: &str) -> Result<(), Error> {
        self.storage.set_endpoint(key, endpoint).await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Erases the credentials and what the portal was known to hold: it deletes all of an app with the app.
    pub(crate) async fn uninstall(&self, key: &Key) -> Result<(), Error> {
        self.storage.uninstall(key).await?;
        self.changes.notify_one();
        Ok(())
    }

    /// Records the end of a reconciliation of the installation as it was then. One that was overtaken by new credentials
    /// leaves nothing behind: it found out about the old ones.
    pub(crate) async fn reconciled(&self, installation: &Installation, outcome: Outcome) -> Result<(), Error> {
        let Installation { key, adoptions, .. } = installation;
        if self.storage.reconciled(key, *adoptions, outcome).await? {
            self.changes.notify_one();
        }
        Ok(())
    }

    fn seal(&self, key: &Key, credentials: &Credentials) -> Result<SealedCredentials, Error> {
        let refresh_token = credentials.refresh_token.as_ref();
        Ok(SealedCredentials {
            sealed: credentials.seal(&self.sealer, key)?,
            refresh_token: refresh_token.map(|token| digest(token.expose())),
        })
    }
}
