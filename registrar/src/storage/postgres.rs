//! The store on PostgreSQL: schema, commands, reads.

mod events;
mod installations;
mod reads;
mod registrations;
mod revisions;

use store::postgres::{Commands, Connection, Error};

use super::Command;

/// The registrar's commands on PostgreSQL.
pub(super) struct Registrar;

impl Commands for Registrar {
    type Command = Command;
    type Outcome = usize;
    /// Whoever is told that a write failed does it again, or asks anew: nothing is to be seen to.
    type Doubt = ();
    const SCHEMA: &'static str = "registrar";
    const MIGRATIONS: &'static [&'static str] = &[include_str!("postgres/schema_1.sql")];

    fn together(_: &[&Command]) -> usize {
        // Most have several statements, and none is frequent.
        0
    }

    fn is_work(_: &Command) -> bool {
        true
    }

    async fn apply(db: &Connection, _term: i64, commands: &[&Command]) -> Result<Vec<usize>, Error> {
        let mut written = Vec::with_capacity(commands.len());
        for command in commands {
            written.push(apply(db, command).await?);
        }
        Ok(written)
    }

    fn doubt(_: &Command) -> Option<()> {
        None
    }

    async fn resolve(_: &Connection, _: &[()]) -> Result<(), Error> {
        Ok(())
    }
}

async fn apply(db: &Connection, command: &Command) -> Result<usize, Error> {
    match command {
        Command::Adopt(adopt) => {
            let (key, adoption, credentials) = &**adopt;
            installations::adopt(db, key, adoption, credentials).await
        }
        Command::Learn(key, token) => installations::learn(db, key, *token).await,
        Command::Refreshed {
            key,
            credentials,
            endpoint,
            at,
        } => installations::refreshed(db, key, credentials, endpoint.as_deref(), *at).await,
        Command::Doubt(key, problem, at) => installations::doubt(db, key, problem, *at).await,
        Command::SetState(key, state, problem) => installations::set_state(db, key, *state, problem).await,
        Command::SetEndpoint(key, endpoint) => installations::set_endpoint(db, key, endpoint).await,
        Command::Uninstall(key) => installations::uninstall(db, key).await,
        Command::Reconciled(key, adoptions, outcome) => installations::reconciled(db, key, *adoptions, outcome).await,
        Command::PutRegistrations(key, registrations) => registrations::put(db, key, registrations).await,
        Command::DeleteRegistrations(key, codes) => registrations::delete(db, key, codes).await,
        Command::MakeCurrent(revision, at) => revisions::make_current(db, revision, *at).await,
        Command::PruneRevisions(before) => revisions::prune(db, *before).await,
        Command::RememberEvent {
            app,
            event_id,
            taken,
            at,
        } => events::remember(db, app, event_id, taken, *at).await,
        Command::Tidy { events, spent } => events::tidy(db, *events, *spent).await,
    }
}

#[cfg(test)]
pub(super) mod tests;
