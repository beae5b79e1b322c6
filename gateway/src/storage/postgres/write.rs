//! The usual writes: a group of them is one statement.

use std::collections::{HashMap, HashSet};

use store::postgres::{Connection, Error, ToSql, text};

use super::{lane, text::part};
use crate::{
    job::Key,
    storage::{Accept, Command, Inserted, Mark, Outcome, RowId, Settling},
};

pub(super) const WRITE: &str = include_str!("write.sql");

pub(super) fn is_usual(command: &Command) -> bool {
    matches!(command, Command::Accept(_) | Command::Mark(..) | Command::Settle(_))
}

/// How many of the first commands are usual, without one that touches what another one touches.
pub(super) fn together(commands: &[&Command]) -> usize {
    let (mut keys, mut rows) = (HashSet::new(), HashSet::new());
    let fits = |command: &&&Command| match command {
        Command::Accept(accept) => keys.insert(accept.job.key),
        Command::Mark(row, _) => rows.insert(*row),
        // Those of one command are different jobs.
        Command::Settle(settle) => settle.jobs.iter().all(|(row, _)| rows.insert(*row)),
        _ => false,
    };
    commands.iter().take_while(fits).count()
}

/// Does usual commands that go together.
pub(super) async fn usual(db: &Connection, term: i64, commands: &[&Command]) -> Result<Vec<Outcome>, Error> {
    let (mut accepts, mut marks, mut settled) = (Vec::new(), Vec::new(), Vec::new());
    for command in commands {
        match command {
            Command::Accept(accept) => accepts.push(accept),
            Command::Mark(row, mark) => marks.push((*row, mark)),
            Command::Settle(settle) => {
                let jobs = settle.jobs.iter();
                settled.extend(jobs.map(|(row, step)| Settled::of(*row, step, settle.now.0)));
            }
            _ => {}
        }
    }
    let columns: Vec<_> = of_accepts(&accepts)
        .into_iter()
        .chain(of_marks(&marks))
        .chain(of_settled(&settled))
        .chain([Box::new(term) as Column<'_>])
        .collect();
    let values: Vec<_> = columns.iter().map(|column| &**column as &(dyn ToSql + Sync)).collect();
    let mut inserted = HashMap::new();
    for row in db.query(WRITE, &values).await? {
        let (key, id, new): (Key, RowId, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let outcome = if new { Inserted::New(id) } else { Inserted::Promoted(id) };
        inserted.insert(key, outcome);
    }
    let outcomes = commands.iter().map(|command| match command {
        Command::Accept(accept) => {
            let outcome = inserted.get(&accept.job.key).copied();
            Outcome::Inserted(outcome.unwrap_or(Inserted::Repeat))
        }
        Command::Settle(settle) => Outcome::Rows(settle.jobs.len()),
        _ => Outcome::Rows(1),
    });
    Ok(outcomes.collect())
}

/// Values of one column, as an array.
type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

fn column<'a, T, V>(of: &'a [T], value: impl Fn(&'a T) -> V) -> Column<'a>
where
    V: ToSql + Sync + Send + 'a,
{
    Box::new(of.iter().map(value).collect::<Vec<_>>())
}

fn of_accepts<'a>(accepts: &'a [&Accept]) -> [Column<'a>; 22] {
    let document = |index| column(accepts, move |accept| part(accept.job.document_id.as_ref(), index));
    let kind = |index| column(accepts, move |accept| part(accept.job.document_type.as_ref(), index));
    [
        column(accepts, |accept| lane::of_job(&accept.job)),
        column(accepts, |accept| accept.job.key.as_bytes()),
        column(accepts, |accept| text(&accept.job.app)),
        column(accepts, |accept| text(&accept.job.member_id)),
        column(accepts, |accept| text(&accept.job.revision)),
        column(accepts, |accept| text(&accept.job.workflow_id)),
        column(accepts, |accept| text(&accept.job.code)),
        document(0),
        document(1),
        document(2),
        kind(0),
        kind(1),
        kind(2),
        column(accepts, |accept| text(accept.job.event_token.expose())),
        column(accepts, |accept| accept.job.subscription as i16),
        column(accepts, |accept| accept.job.user_id),
        column(accepts, |accept| accept.job.received.0),
        column(accepts, |accept| accept.job.deadline.at.0),
        column(accepts, |accept| accept.job.deadline.timed),
        column(accepts, |accept| accept.job.trace.to_bytes().to_vec()),
        column(accepts, |accept| &*accept.payload),
        column(accepts, |accept| accept.next_attempt.map(|at| at.0)),
    ]
}

fn of_marks<'a>(marks: &'a [(RowId, &Mark)]) -> [Column<'a>; 14] {
    let answer = |mark: &'a Mark| mark.progress.answer.as_ref().filter(|_| !mark.erases());
    [
        column(marks, |(row, _)| *row),
        column(marks, |(_, mark)| mark.state as i16),
        column(marks, |(_, mark)| mark.outcome.map(|outcome| outcome as i16)),
        column(marks, |(_, mark)| mark.next_attempt.map(|at| at.0)),
        column(marks, |(_, mark)| count(mark.progress.attempts)),
        column(marks, |(_, mark)| count(mark.progress.failures)),
        column(marks, |(_, mark)| mark.progress.faulty_since.map(|at| at.0)),
        column(marks, |(_, mark)| count(mark.progress.sends)),
        column(marks, move |(_, mark)| answer(mark).map(|answer| text(&answer.values))),
        column(marks, move |(_, mark)| {
            answer(mark).and_then(|answer| answer.error.as_deref()).map(text)
        }),
        column(marks, |(_, mark)| mark.problem.as_deref().map(text)),
        column(marks, |(_, mark)| mark.changed.0),
        column(marks, |(_, mark)| mark.erases()),
        column(marks, |(_, mark)| mark.progress.sent_second),
    ]
}

fn of_settled<'a>(settled: &'a [Settled<'_>]) -> [Column<'a>; 5] {
    [
        column(settled, |settled| settled.row),
        column(settled, |settled| settled.step),
        column(settled, |settled| settled.next_attempt),
        column(settled, |settled| settled.problem),
        column(settled, |settled| settled.now),
    ]
}

pub(super) fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What becomes of a sent job, in the statement's terms.
struct Settled<'a> {
    row: RowId,
    step: i16,
    next_attempt: Option<i64>,
    problem: Option<&'a str>,
    now: i64,
}

impl<'a> Settled<'a> {
    fn of(row: RowId, settling: &'a Settling, now: i64) -> Self {
        let (step, next_attempt, problem) = match settling {
            Settling::Done { note } => (0, None, *note),
            Settling::Repeat => (1, Some(now), None),
            Settling::Look(at) => (2, Some(at.0), None),
            Settling::Unproved => (3, None, None),
            Settling::Park(problem) => (4, None, Some(*problem)),
        };
        Self {
            row,
            step,
            next_attempt,
            problem,
            now,
        }
    }
}

/// A callback that may have been accepted though its caller was told that it failed: then nobody has it in memory.
pub(crate) struct Doubt {
    lane: i16,
    key: Key,
    trace: Vec<u8>,
    received: i64,
}

impl Doubt {
    pub(super) fn of(command: &Command) -> Option<Self> {
        match command {
            Command::Accept(Accept { job, .. }) => Some(Self {
                lane: lane::of_job(job),
                key: job.key,
                trace: job.trace.to_bytes().to_vec(),
                received: job.received.0,
            }),
            _ => None,
        }
    }
}

/// Makes them due.
pub(super) async fn resolve(db: &Connection, doubts: &[Doubt]) -> Result<(), Error> {
    let sql = "UPDATE gateway.jobs AS j SET next_attempt = d.received \
        FROM unnest($1::smallint[], $2::bytea[], $3::bytea[], $4::bigint[]) AS d (lane, key, trace, received) \
        WHERE j.lane = d.lane AND j.key = d.key AND j.trace = d.trace AND j.state = 1 AND j.next_attempt IS NULL";
    let values: [&(dyn ToSql + Sync); 4] = [
        &doubts.iter().map(|doubt| doubt.lane).collect::<Vec<_>>(),
        &doubts.iter().map(|doubt| doubt.key.as_bytes()).collect::<Vec<_>>(),
        &doubts.iter().map(|doubt| &*doubt.trace).collect::<Vec<_>>(),
        &doubts.iter().map(|doubt| doubt.received).collect::<Vec<_>>(),
    ];
    db.execute(sql, &values).await.map(drop)
}
