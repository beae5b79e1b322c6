//! The store on PostgreSQL: schema, commands, reads.

mod events;
mod intervene;
mod lane;
mod load;
mod meta;
mod quarantine;
mod reads;
mod retention;
mod row;
mod text;
mod view;
mod write;

use store::postgres::{Commands, Connection, Error};

use super::{Command, Outcome};

/// The gateway's commands on PostgreSQL.
pub(super) struct Jobs;

impl Commands for Jobs {
    type Command = Command;
    type Outcome = Outcome;
    type Doubt = write::Doubt;
    const SCHEMA: &'static str = "gateway";
    const MIGRATIONS: &'static [&'static str] = &[include_str!("postgres/schema_1.sql")];

    fn together(commands: &[&Command]) -> usize {
        match commands.first() {
            Some(Command::Decide(_) | Command::Intervene(_)) => 0,
            Some(command) if !write::is_usual(command) => 1,
            _ => write::together(commands),
        }
    }

    fn is_work(command: &Command) -> bool {
        match command {
            // Marks and what becomes of sent jobs belong to the work, too: their statement sees to the term.
            Command::Accept(_)
            | Command::Mark(..)
            | Command::Settle(_)
            | Command::Quarantine(_)
            | Command::StoreEvent(_)
            | Command::CountSources
            | Command::SetSnapshot(_)
            | Command::Intervene(_) => false,
            Command::WakeLine(..)
            | Command::Recover(_)
            | Command::SetSettled(_)
            | Command::Decide(_)
            | Command::WakeQuarantine(_)
            | Command::DeleteEvent(_)
            | Command::DelayEvent(..)
            | Command::Forget(_) => true,
        }
    }

    async fn apply(db: &Connection, term: i64, commands: &[&Command]) -> Result<Vec<Outcome>, Error> {
        let rows = match commands {
            [Command::CountSources] => return Ok(vec![Outcome::Sources(quarantine::sources(db).await?)]),
            [Command::Intervene(intervention)] => {
                return Ok(vec![Outcome::Changed(intervene::apply(db, intervention).await?)]);
            }
            [Command::WakeLine(line, now)] => load::wake(db, line, *now).await,
            [Command::Recover(now)] => load::recover(db, *now).await,
            [Command::SetSettled(row)] => meta::set_settled(db, *row).await,
            [Command::Quarantine(callback)] => quarantine::insert(db, callback).await,
            [Command::Decide(decision)] => quarantine::decide(db, decision).await,
            [Command::WakeQuarantine(now)] => quarantine::wake(db, *now).await,
            [Command::StoreEvent(event)] => events::insert(db, event).await,
            [Command::DeleteEvent(row)] => events::delete(db, *row).await,
            [Command::DelayEvent(row, attempts, next)] => events::delay(db, *row, *attempts, *next).await,
            [Command::SetSnapshot(snapshot)] => meta::set_snapshot(db, snapshot).await,
            [Command::Forget(rows)] => retention::delete(db, rows).await,
            usual => return write::usual(db, term, usual).await,
        };
        Ok(vec![Outcome::Rows(rows?)])
    }

    fn doubt(command: &Command) -> Option<write::Doubt> {
        write::Doubt::of(command)
    }

    async fn resolve(db: &Connection, doubts: &[write::Doubt]) -> Result<(), Error> {
        write::resolve(db, doubts).await
    }
}

#[cfg(test)]
pub(super) mod tests;
