//! Groups on the connection that writes.

use std::{future::Future, time::Duration};

use tokio::runtime::{self, Runtime};
use tokio_postgres::Error;

use super::{Connection, Lease, connect::Target, error, migrate};
use crate::{Engine, StoreError, Write};

/// Longest commit.
const LONGEST: Duration = Duration::from_secs(10);
/// What the writer's statements need of the planner: one plan for all values, rows found by index, and nothing compiled (a second
/// of it where a plan seems dear). And a process that is stopped within a transaction must not keep others from taking over.
const SESSION: &str = "SET idle_in_transaction_session_timeout = '2s'; SET jit = off; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
    SET enable_mergejoin = off";

/// A service's commands on PostgreSQL.
pub trait Commands: Send + 'static {
    /// What can be asked for.
    type Command: Send + Sync + 'static;
    /// What the caller is told.
    type Outcome: Send + 'static;
    /// A command of which nobody knows whether it was committed.
    type Doubt: Send + Sync + 'static;
    /// The schema that the service's tables are in.
    const SCHEMA: &'static str;
    /// Version n of the schema is the first n of them: append to the list, never edit it.
    const MIGRATIONS: &'static [&'static str];

    /// How many of the first commands one statement does together, as if in their order; 0: the first needs several.
    fn together(commands: &[&Self::Command]) -> usize;

    /// Whether the command belongs to the work, and is only for the process that has the lease: another one's fails. It may also
    /// see to that itself, by the term in the table `lease`.
    fn is_work(command: &Self::Command) -> bool;

    /// Does commands that go [together](Self::together), or a single one; gives their outcomes. `term`: that of this process; 0:
    /// it has never had the lease.
    fn apply(
        db: &Connection,
        term: i64,
        commands: &[&Self::Command],
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, Error>> + Send;

    /// What is to be [resolved](Self::resolve) of a command whose caller was told that it failed, and that may be committed:
    /// the connection ended after it was sent.
    fn doubt(command: &Self::Command) -> Option<Self::Doubt>;

    /// Sees to such commands, once the database is back.
    fn resolve(db: &Connection, doubts: &[Self::Doubt]) -> impl Future<Output = Result<(), Error>> + Send;
}

pub(super) struct Postgres<S: Commands> {
    target: Target,
    lease: Lease,
    /// The connection lives on it, and moves only within a commit.
    runtime: Runtime,
    connection: Option<Connection>,
    doubts: Vec<S::Doubt>,
}

/// Why a command of a group was not done.
enum Failure {
    Statement(Error),
    TakenOver,
}

/// What became of each command of a group, once it is committed.
type Outcomes<O> = Vec<Result<O, Failure>>;

/// A runtime with a first connection, and the schema up to date. Blocks.
pub(super) fn prepare<S: Commands>(target: Target) -> Result<(Target, Runtime, Connection), StoreError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|reason| StoreError::Open {
        store: target.store.clone(),
        reason: reason.to_string(),
    })?;
    let connection = runtime.block_on(async {
        let db = writer(&target).await?;
        migrate::migrate(&db, &target.store, S::SCHEMA, S::MIGRATIONS).await?;
        Ok(db)
    })?;
    Ok((target, runtime, connection))
}

impl<S: Commands> Postgres<S> {
    pub(super) fn new((target, runtime, connection): (Target, Runtime, Connection), lease: Lease) -> Self {
        Self {
            target,
            lease,
            runtime,
            connection: Some(connection),
            doubts: Vec::new(),
        }
    }
}

/// A connection that may write.
async fn writer(target: &Target) -> Result<Connection, StoreError> {
    let store = &target.store;
    let db = target.connect().await?;
    let prepared = async {
        db.batch(SESSION).await?;
        let setting: Option<String> = db.value("SELECT current_setting('synchronous_commit')", &[]).await?;
        Ok(setting.is_none_or(|setting| setting == "off"))
    };
    let lossy = prepared.await.map_err(|reason| error::unusable(store, &reason))?;
    if lossy && !target.allow_lossy_commits {
        return Err(StoreError::Lossy { store: store.clone() });
    }
    Ok(db)
}

impl<S: Commands> Engine for Postgres<S> {
    type Command = S::Command;
    type Outcome = S::Outcome;

    fn commit(&mut self, group: &mut [Write<S::Command, S::Outcome>]) -> Result<(), StoreError> {
        let Self {
            target,
            lease,
            runtime,
            connection,
            doubts,
        } = self;
        let commands: Vec<_> = group.iter().map(Write::command).collect();
        let committed = runtime.block_on(async {
            let commit = commit::<S>(target, lease, connection, doubts, &commands);
            match tokio::time::timeout(LONGEST, commit).await {
                Ok(committed) => committed,
                Err(_) => Err(error::silent(&target.store, LONGEST)),
            }
        });
        match committed {
            Ok(outcomes) => {
                for (write, outcome) in group.iter_mut().zip(outcomes) {
                    let told = outcome.map_err(|failure| match failure {
                        Failure::Statement(reason) => error::statement(&self.target.store, &reason),
                        Failure::TakenOver => StoreError::TakenOver {
                            store: self.target.store.clone(),
                        },
                    });
                    write.set_outcome(told);
                }
                Ok(())
            }
            Err(error) => {
                if connection.take().is_some() {
                    doubts.extend(commands.into_iter().filter_map(S::doubt));
                }
                Err(error)
            }
        }
    }
}

/// Commits on the connection that there is, and once more on a new one when that has ended meanwhile.
async fn commit<S: Commands>(
    target: &Target,
    lease: &Lease,
    connection: &mut Option<Connection>,
    doubts: &mut Vec<S::Doubt>,
    commands: &[&S::Command],
) -> Result<Outcomes<S::Outcome>, StoreError> {
    let unavailable = |reason| error::unavailable(&target.store, &reason);
    if let Some(db) = connection {
        match write::<S>(db, lease, commands).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(reason) if error::ends_connection(&reason) => {
                tracing::info!(store = %target.store, reason = error::text(&reason), "connects anew");
            }
            Err(reason) => return Err(unavailable(reason)),
        }
        doubts.extend(commands.iter().filter_map(|command| S::doubt(command)));
        *connection = None;
    }
    let db = connection.insert(writer(target).await?);
    if !doubts.is_empty() {
        S::resolve(db, doubts).await.map_err(unavailable)?;
        doubts.clear();
    }
    write::<S>(db, lease, commands).await.map_err(unavailable)
}

/// One transaction. The error spoils all of it.
async fn write<S: Commands>(
    db: &Connection,
    lease: &Lease,
    commands: &[&S::Command],
) -> Result<Outcomes<S::Outcome>, Error> {
    let outcomes = transact::<S>(db, lease.term(), commands).await?;
    if !lease.is_held() && !commands.iter().all(|command| S::is_work(command)) {
        // For the process that works. It is committed, whatever becomes of the notice: that process looks by itself, too.
        if let Err(reason) = db.batch(&format!("NOTIFY {}", S::SCHEMA)).await {
            tracing::info!(reason = error::text(&reason), "the process that works is not told");
        }
    }
    Ok(outcomes)
}

async fn transact<S: Commands>(
    db: &Connection,
    term: i64,
    commands: &[&S::Command],
) -> Result<Outcomes<S::Outcome>, Error> {
    let is_work = commands.iter().any(|command| S::is_work(command));
    if S::together(commands) == commands.len() && !is_work {
        match S::apply(db, term, commands).await {
            Ok(outcomes) => return Ok(outcomes.into_iter().map(Ok).collect()),
            Err(reason) if error::spoils_group(&reason) => return Err(reason),
            Err(reason) if commands.len() == 1 => return Ok(vec![Err(Failure::Statement(reason))]),
            // One of them is at fault: it is found out below.
            Err(_) => {}
        }
    }
    db.batch("BEGIN").await?;
    let may_work = is_work && has_term(db, S::SCHEMA, term).await?;
    let mut outcomes = Vec::with_capacity(commands.len());
    // Commands that go one by one, because one of them is at fault.
    let mut alone = 0;
    while let Some(first) = commands.get(outcomes.len()) {
        if S::is_work(first) && !may_work {
            outcomes.push(Err(Failure::TakenOver));
            continue;
        }
        let rest = &commands[outcomes.len()..];
        let count = if alone > 0 { 1 } else { S::together(rest).max(1) };
        match step::<S>(db, term, &rest[..count]).await? {
            Ok(done) => outcomes.extend(done.into_iter().map(Ok)),
            Err(reason) if count == 1 => outcomes.push(Err(Failure::Statement(reason))),
            Err(_) => {
                alone = count;
                continue;
            }
        }
        alone = alone.saturating_sub(count);
    }
    db.batch("COMMIT").await?;
    Ok(outcomes)
}

/// Whether the term is the current one; then it stays so until the end of the transaction.
async fn has_term(db: &Connection, schema: &str, term: i64) -> Result<bool, Error> {
    let sql = format!("SELECT FROM {schema}.lease WHERE one AND term = $1 FOR SHARE");
    Ok(!db.query_composed(&sql, &[&term]).await?.is_empty())
}

/// What fails is undone, and nothing else.
async fn step<S: Commands>(
    db: &Connection,
    term: i64,
    commands: &[&S::Command],
) -> Result<Result<Vec<S::Outcome>, Error>, Error> {
    db.batch("SAVEPOINT w").await?;
    match S::apply(db, term, commands).await {
        Ok(outcomes) => {
            db.batch("RELEASE w").await?;
            Ok(Ok(outcomes))
        }
        Err(reason) if error::spoils_group(&reason) => Err(reason),
        Err(reason) => {
            db.batch("ROLLBACK TO w; RELEASE w").await?;
            Ok(Err(reason))
        }
    }
}
