//! What the registrar keeps: installations with their credentials, registrations, revisions, handled events. One interface for
//! all parts of the service; an engine is a folder beside, which has all its SQL.
//!
//! Writes are [commands](Command), each atomic, applied in groups in the order in which they were handed over, and on the disk
//! when they return; one that fails leaves nothing behind. What is written of an installation touches no other one, and nothing
//! happens when there is none. Reads see everything that was acknowledged before. Credentials come and go encrypted.

mod command;
mod event;
mod installation;
mod postgres;
mod reads;
mod registration;
mod revision;
mod sqlite;

use std::sync::Arc;

use jiff::Timestamp;
use proto::registrar::v1::InstallationState as State;
use store::{Groups, StoreError, Work};

use self::command::Command;
pub(crate) use self::{
    command::{Adoption, Outcome, SealedCredentials},
    event::Taken,
    installation::{Installation, Key, TokenDigest},
    reads::Reads,
    registration::{ParametersDigest, Registration},
    revision::StoredRevision,
};
use crate::config;

/// The registrar's store. Cheap to clone; closed with the last clone, after everything handed to it is written.
#[derive(Clone)]
pub(crate) struct Storage {
    /// An outcome is the number of rows that were written.
    groups: Groups<Command, usize>,
    reads: Arc<dyn Reads>,
    work: Work,
}

impl Storage {
    /// Opens the database that is configured, or else the SQLite file, which is created when it isn't there.
    pub(crate) async fn open(store: &config::Store) -> Result<Self, StoreError> {
        if let Some(database) = store.database() {
            let (groups, reads, lease) = store::postgres::open::<postgres::Registrar>(&database).await?;
            return Ok(Self {
                groups,
                reads: Arc::new(reads),
                work: Work::Leased(lease),
            });
        }
        let (groups, reads) = store::sqlite::open::<sqlite::Registrar>(&store.path)?;
        Ok(Self {
            groups,
            reads: Arc::new(reads),
            work: Work::Alone,
        })
    }

    /// Who works on what is stored. Everybody else waits.
    pub(crate) fn work(&self) -> &Work {
        &self.work
    }

    /// What can be read.
    pub(crate) fn reads(&self) -> &dyn Reads {
        &*self.reads
    }

    /// Takes credentials. The installation is as new, but its registrations and the application token believed before stay;
    /// the refresh token counts as spent. How a reconciliation ends that began before is not recorded any more.
    pub(crate) async fn adopt(
        &self,
        key: &Key,
        adoption: Adoption,
        credentials: SealedCredentials,
    ) -> Result<(), StoreError> {
        self.write(Command::Adopt(Box::new((key.clone(), adoption, credentials))))
            .await
            .map(drop)
    }

    /// Believes an application token from now on, beside the one believed before; a repeat makes it the newest.
    pub(crate) async fn learn(&self, key: &Key, token: TokenDigest) -> Result<(), StoreError> {
        self.write(Command::Learn(key.clone(), token)).await.map(drop)
    }

    /// Replaces the pair of tokens after a refresh, whose refresh token counts as spent; `endpoint` when the OAuth server named
    /// one. The installation is in doubt no more.
    pub(crate) async fn refreshed(
        &self,
        key: &Key,
        credentials: SealedCredentials,
        endpoint: Option<String>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(Command::Refreshed {
            key,
            credentials,
            endpoint,
            at,
        })
        .await
        .map(drop)
    }

    /// Notes what is wrong with an installation whose token is not renewed, and since when: since `at`, or an earlier note.
    pub(crate) async fn doubt(&self, key: &Key, problem: &str, at: Timestamp) -> Result<(), StoreError> {
        self.write(Command::Doubt(key.clone(), problem.to_owned(), at))
            .await
            .map(drop)
    }

    /// Sets an installation's state, and what is wrong with it; it is in doubt no more.
    pub(crate) async fn set_state(&self, key: &Key, state: State, problem: &str) -> Result<(), StoreError> {
        self.write(Command::SetState(key.clone(), state, problem.to_owned()))
            .await
            .map(drop)
    }

    /// Moves an installation to another REST endpoint.
    pub(crate) async fn set_endpoint(&self, key: &Key, endpoint: &str) -> Result<(), StoreError> {
        self.write(Command::SetEndpoint(key.clone(), endpoint.to_owned()))
            .await
            .map(drop)
    }

    /// Erases an installation's credentials and registrations. Its application tokens are believed, and its refresh tokens count
    /// as spent, as before.
    pub(crate) async fn uninstall(&self, key: &Key) -> Result<(), StoreError> {
        self.write(Command::Uninstall(key.clone())).await.map(drop)
    }

    /// Records the end of a reconciliation that began when credentials had been taken `adoptions` times; nothing is written when
    /// others were taken since, or erased. Says whether the installation's state is another now.
    pub(crate) async fn reconciled(&self, key: &Key, adoptions: i64, outcome: Outcome) -> Result<bool, StoreError> {
        let command = Command::Reconciled(key.clone(), adoptions, outcome);
        Ok(self.write(command).await? > 0)
    }

    /// Writes some registrations of one portal, all or none, in place of those with the same codes. The installation must still
    /// have credentials: a pass that was overtaken by an uninstallation leaves nothing behind.
    pub(crate) async fn put_registrations(
        &self,
        key: &Key,
        registrations: Vec<Registration>,
    ) -> Result<(), StoreError> {
        self.write(Command::PutRegistrations(key.clone(), registrations))
            .await
            .map(drop)
    }

    /// Forgets some registrations of one portal.
    pub(crate) async fn delete_registrations(&self, key: &Key, codes: Vec<String>) -> Result<(), StoreError> {
        self.write(Command::DeleteRegistrations(key.clone(), codes))
            .await
            .map(drop)
    }

    /// Makes a revision the current one of its executor and app; the one before is superseded since `at`. One that was
    /// superseded can become current again.
    pub(crate) async fn make_current(&self, revision: StoredRevision, at: Timestamp) -> Result<(), StoreError> {
        self.write(Command::MakeCurrent(revision, at)).await.map(drop)
    }

    /// Forgets revisions that were superseded before `before` and that no portal's registration refers to; says how many.
    pub(crate) async fn prune_revisions(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.write(Command::PruneRevisions(before)).await
    }

    /// Remembers how a lifecycle event was taken; the first time counts.
    pub(crate) async fn remember_event(
        &self,
        app: &str,
        event_id: &str,
        taken: &Taken,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (app, event_id, taken) = (app.to_owned(), event_id.to_owned(), taken.clone());
        self.write(Command::RememberEvent {
            app,
            event_id,
            taken,
            at,
        })
        .await
        .map(drop)
    }

    /// Forgets events handled, and tokens spent, before these times.
    pub(crate) async fn tidy(&self, events: Timestamp, spent: Timestamp) -> Result<(), StoreError> {
        self.write(Command::Tidy { events, spent }).await.map(drop)
    }

    async fn write(&self, command: Command) -> Result<usize, StoreError> {
        self.groups.write(command).await
    }
}

#[cfg(test)]
mod tests;
