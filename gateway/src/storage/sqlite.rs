//! The store on SQLite: schema, commands, reads.

mod events;
mod insert;
mod intervene;
mod load;
mod mark;
mod meta;
mod quarantine;
mod reads;
mod retention;
mod row;
mod settle;
mod view;

use store::sqlite::{
    Commands,
    rusqlite::{self, Transaction},
};

use super::{Command, Outcome};

/// The gateway's commands on SQLite.
pub(super) struct Jobs;

impl Commands for Jobs {
    type Command = Command;
    type Outcome = Outcome;
    const MIGRATIONS: &'static [&'static str] = &[
        include_str!("sqlite/schema_1.sql"),
        include_str!("sqlite/schema_2.sql"),
        include_str!("sqlite/schema_3.sql"),
        include_str!("sqlite/schema_4.sql"),
        include_str!("sqlite/schema_5.sql"),
    ];

    fn has_steps(command: &Command) -> bool {
        matches!(
            command,
            Command::Decide(..) | Command::Intervene(_) | Command::Forget(_) | Command::Settle(_)
        )
    }

    fn apply(tx: &Transaction<'_>, command: &Command) -> rusqlite::Result<Outcome> {
        let rows = match command {
            Command::Accept(accept) => return insert::accepted(tx, accept).map(Outcome::Inserted),
            Command::CountSources => return quarantine::sources(tx).map(Outcome::Sources),
            Command::Intervene(intervention) => return intervene::apply(tx, intervention).map(Outcome::Changed),
            Command::Mark(row, mark) => mark::write(tx, *row, mark),
            Command::Settle(settle) => settle::settle(tx, settle),
            Command::WakeLine(line, now) => load::wake(tx, line, *now),
            Command::Recover(now) => load::recover(tx, *now),
            Command::SetSettled(row) => meta::set_settled(tx, *row),
            Command::Quarantine(callback) => insert::quarantined(tx, callback),
            Command::Decide(decision) => quarantine::decide(tx, decision),
            Command::WakeQuarantine(now) => quarantine::wake(tx, *now),
            Command::StoreEvent(event) => events::insert(tx, event),
            Command::DeleteEvent(row) => events::delete(tx, *row),
            Command::DelayEvent(row, attempts, next) => events::delay(tx, *row, *attempts, *next),
            Command::SetSnapshot(snapshot) => meta::set_snapshot(tx, snapshot),
            Command::Forget(rows) => retention::delete(tx, rows),
        };
        rows.map(Outcome::Rows)
    }
}

#[cfg(test)]
pub(super) mod tests;
