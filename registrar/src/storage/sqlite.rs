//! The store on SQLite: schema, commands, reads.

mod events;
mod installations;
mod reads;
mod registrations;
mod revisions;

use store::sqlite::{
    Commands,
    rusqlite::{self, Transaction},
};

use super::Command;

/// The registrar's commands on SQLite.
pub(super) struct Registrar;

impl Commands for Registrar {
    type Command = Command;
    type Outcome = usize;
    const MIGRATIONS: &'static [&'static str] = &[
        include_str!("sqlite/schema_1.sql"),
        include_str!("sqlite/schema_2.sql"),
        include_str!("sqlite/schema_3.sql"),
    ];

    fn has_steps(_: &Command) -> bool {
        // Most have, and none is frequent.
        true
    }

    fn apply(tx: &Transaction<'_>, command: &Command) -> rusqlite::Result<usize> {
        match command {
            Command::Adopt(adopt) => {
                let (key, adoption, credentials) = &**adopt;
                installations::adopt(tx, key, adoption, credentials)
            }
            Command::Learn(key, token) => installations::learn(tx, key, *token),
            Command::Refreshed {
                key,
                credentials,
                endpoint,
                at,
            } => installations::refreshed(tx, key, credentials, endpoint.as_deref(), *at),
            Command::Doubt(key, problem, at) => installations::doubt(tx, key, problem, *at),
            Command::SetState(key, state, problem) => installations::set_state(tx, key, *state, problem),
            Command::SetEndpoint(key, endpoint) => installations::set_endpoint(tx, key, endpoint),
            Command::Uninstall(key) => installations::uninstall(tx, key),
            Command::Reconciled(key, adoptions, outcome) => installations::reconciled(tx, key, *adoptions, outcome),
            Command::PutRegistrations(key, registrations) => registrations::put(tx, key, registrations),
            Command::DeleteRegistrations(key, codes) => registrations::delete(tx, key, codes),
            Command::MakeCurrent(revision, at) => revisions::make_current(tx, revision, *at),
            Command::PruneRevisions(before) => revisions::prune(tx, *before),
            Command::RememberEvent {
                app,
                event_id,
                taken,
                at,
            } => events::remember(tx, app, event_id, taken, *at),
            Command::Tidy { events, spent } => events::tidy(tx, *events, *spent),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
