//! The usual writes: a group of them is one statement.

use std::collections::{HashMap, HashSet};

use store::postgres::{Connection, Error, text};

use super::{
    lane,
    text::{optional, part},
};
use crate::{
    job::Key,
    storage::{Accept, Command, Inserted, Mark, Outcome, RowId, Settling},
};

const WRITE: &str = include_str!("write.sql");

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

pub(super) async fn usual(db: &Connection, commands: &[&Command]) -> Result<Vec<Outcome>, Error> {
    let accepts: Vec<&Accept> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Accept(accept) => Some(accept),
            _ => None,
        })
        .collect();
    let marks: Vec<(RowId, &Mark, bool)> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Mark(row, mark) => Some((*row, mark, mark.erases())),
            _ => None,
        })
        .collect();
    let settled: Vec<Settled<'_>> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Settle(settle) => Some(settle),
            _ => None,
        })
        .flat_map(|settle| {
            settle
                .jobs
                .iter()
                .map(|(row, step)| Settled::of(*row, step, settle.now.0))
        })
        .collect();

    macro_rules! of_jobs {
        ($job:ident => $value:expr) => {
            accepts
                .iter()
                .map(|Accept { job: $job, .. }| $value)
                .collect::<Vec<_>>()
        };
    }
    macro_rules! of_marks {
        ($mark:ident => $value:expr) => {
            marks.iter().map(|(_, $mark, _)| $value).collect::<Vec<_>>()
        };
    }
    let answers: Vec<_> = marks
        .iter()
        .map(|(_, mark, erases)| mark.progress.answer.as_ref().filter(|_| !erases))
        .collect();
    let rows = db
        .query(
            WRITE,
            &[
                &of_jobs!(job => lane::of_job(job)),
                &of_jobs!(job => job.key.as_bytes()),
                &of_jobs!(job => text(&job.app)),
                &of_jobs!(job => text(&job.member_id)),
                &of_jobs!(job => text(&job.revision)),
                &of_jobs!(job => text(&job.workflow_id)),
                &of_jobs!(job => text(&job.code)),
                &of_jobs!(job => part(job.document_id.as_ref(), 0)),
                &of_jobs!(job => part(job.document_id.as_ref(), 1)),
                &of_jobs!(job => part(job.document_id.as_ref(), 2)),
                &of_jobs!(job => part(job.document_type.as_ref(), 0)),
                &of_jobs!(job => part(job.document_type.as_ref(), 1)),
                &of_jobs!(job => part(job.document_type.as_ref(), 2)),
                &of_jobs!(job => text(job.event_token.expose())),
                &of_jobs!(job => job.subscription as i16),
                &of_jobs!(job => job.user_id),
                &of_jobs!(job => job.received.0),
                &of_jobs!(job => job.deadline.at.0),
                &of_jobs!(job => job.deadline.timed),
                &of_jobs!(job => job.trace.to_bytes().to_vec()),
                &accepts.iter().map(|accept| &*accept.payload).collect::<Vec<_>>(),
                &accepts
                    .iter()
                    .map(|accept| accept.next_attempt.map(|at| at.0))
                    .collect::<Vec<_>>(),
                &marks.iter().map(|(row, ..)| *row).collect::<Vec<_>>(),
                &of_marks!(mark => mark.state as i16),
                &of_marks!(mark => mark.outcome.map(|outcome| outcome as i16)),
                &of_marks!(mark => mark.next_attempt.map(|at| at.0)),
                &of_marks!(mark => count(mark.progress.attempts)),
                &of_marks!(mark => count(mark.progress.failures)),
                &of_marks!(mark => mark.progress.faulty_since.map(|at| at.0)),
                &of_marks!(mark => count(mark.progress.sends)),
                &answers
                    .iter()
                    .map(|answer| answer.map(|answer| text(&answer.values)))
                    .collect::<Vec<_>>(),
                &answers
                    .iter()
                    .map(|answer| optional(answer.and_then(|answer| answer.error.as_deref())))
                    .collect::<Vec<_>>(),
                &of_marks!(mark => optional(mark.problem.as_deref())),
                &of_marks!(mark => mark.changed.0),
                &marks.iter().map(|(.., erases)| *erases).collect::<Vec<_>>(),
                &of_marks!(mark => mark.progress.sent_second),
                &settled.iter().map(|settled| settled.row).collect::<Vec<_>>(),
                &settled.iter().map(|settled| settled.step).collect::<Vec<_>>(),
                &settled.iter().map(|settled| settled.next_attempt).collect::<Vec<_>>(),
                &settled.iter().map(|settled| settled.problem).collect::<Vec<_>>(),
                &settled.iter().map(|settled| settled.now).collect::<Vec<_>>(),
            ],
        )
        .await?;
    let mut inserted = HashMap::new();
    for row in rows {
        let (key, id, new): (&[u8], RowId, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let outcome = if new { Inserted::New(id) } else { Inserted::Promoted(id) };
        inserted.insert(Key::from_bytes(key), outcome);
    }
    let outcomes = commands.iter().map(|command| match command {
        Command::Accept(accept) => {
            Outcome::Inserted(inserted.get(&Some(accept.job.key)).copied().unwrap_or(Inserted::Repeat))
        }
        Command::Settle(settle) => Outcome::Rows(settle.jobs.len()),
        _ => Outcome::Rows(1),
    });
    Ok(outcomes.collect())
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
    let values: [&(dyn store::postgres::ToSql + Sync); 4] = [
        &doubts.iter().map(|doubt| doubt.lane).collect::<Vec<_>>(),
        &doubts.iter().map(|doubt| doubt.key.as_bytes()).collect::<Vec<_>>(),
        &doubts.iter().map(|doubt| &*doubt.trace).collect::<Vec<_>>(),
        &doubts.iter().map(|doubt| doubt.received).collect::<Vec<_>>(),
    ];
    db.execute(sql, &values).await.map(drop)
}
