//! Does what a person wants with jobs, some at a time.

use proto::gateway::v1::NotPossible;
use tonic::Status;

use super::{
    JobsService,
    order::{Order, Which},
    unavailable,
};
use crate::storage::{Filter, Intervention, JobView, RowId};

/// Jobs a write: few enough that an accept in the same group doesn't notice.
const CHUNK: usize = 100;
/// Jobs of either kind that are told by id.
const TOLD: usize = 100;

/// What was done; of a dry run, what would be.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) jobs: u64,
    pub(super) ids: Vec<String>,
    pub(super) not_possible: u64,
    pub(super) refused: Vec<NotPossible>,
}

impl Done {
    fn add(&mut self, id: String) {
        self.jobs += 1;
        if self.ids.len() < TOLD {
            self.ids.push(id);
        }
    }

    fn refuse(&mut self, id: String, reason: &str) {
        self.not_possible += 1;
        if self.refused.len() < TOLD {
            let reason = reason.to_owned();
            self.refused.push(NotPossible { id, reason });
        }
    }
}

impl JobsService {
    pub(super) async fn intervene(&self, order: &Order) -> Result<Done, Status> {
        let mut done = Done::default();
        let result = match &order.which {
            Which::Ids(ids) => self.named(order, ids, &mut done).await,
            Which::Fitting(filter) => self.fitting(order, filter, &mut done).await,
        };
        if !order.dry_run {
            tracing::info!(
                action = order.action.name(),
                by = order.by,
                why = order.why,
                jobs = done.jobs,
                not_possible = done.not_possible,
                "a person intervened"
            );
        }
        result.map_err(|status| match done.jobs {
            0 => status,
            jobs => Status::new(status.code(), format!("{} (after {jobs} jobs)", status.message())),
        })?;
        Ok(done)
    }

    async fn named(&self, order: &Order, ids: &[String], done: &mut Done) -> Result<(), Status> {
        for ids in ids.chunks(CHUNK) {
            let mut found = Vec::new();
            for id in ids {
                let job = self.storage.reads().job(id.clone()).await;
                match job.map_err(|error| unavailable(&error))? {
                    Some(job) => found.push(job),
                    None => done.refuse(id.clone(), "there is no such job"),
                }
            }
            self.some(order, found, done).await?;
        }
        Ok(())
    }

    async fn fitting(&self, order: &Order, filter: &Filter, done: &mut Done) -> Result<(), Status> {
        let mut filter = Filter {
            limit: CHUNK,
            ..filter.clone()
        };
        loop {
            let found = self.storage.reads().jobs(filter.clone()).await;
            let found = found.map_err(|error| unavailable(&error))?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            filter.before = Some(last.row);
            self.some(order, found, done).await?;
        }
    }

    /// What is read may be out of date. The engine is kept away from the jobs first, then the write decides by what they are then.
    async fn some(&self, order: &Order, found: Vec<JobView>, done: &mut Done) -> Result<(), Status> {
        let mut possible = Vec::new();
        for job in found {
            match job.standing().after(order.action) {
                Ok(_) => possible.push(job),
                Err(reason) => done.refuse(job.id, reason),
            }
        }
        if possible.is_empty() {
            return Ok(());
        }
        let hold = self.engine.hold(possible.iter().map(|job| job.row).collect());
        let rows = hold.rows().to_vec();
        let (possible, in_memory): (Vec<_>, Vec<_>) = possible.into_iter().partition(|job| rows.contains(&job.row));
        for job in in_memory {
            done.refuse(job.id, "it is being worked on");
        }
        let now = self.engine.now();
        let engine = self.engine.clone();
        let release = move || {
            drop(hold);
            engine.wake_all();
        };
        if order.dry_run {
            release();
            for job in possible {
                done.add(job.id);
            }
            return Ok(());
        }
        let intervention = Intervention {
            rows,
            action: order.action,
            by: order.by.clone(),
            why: order.why.clone(),
            now,
        };
        let changed: Vec<RowId> = self
            .storage
            .intervene(intervention, release)
            .await
            .map_err(|error| unavailable(&error))?;
        for job in possible {
            if changed.contains(&job.row) {
                let (action, by) = (order.action.name(), &order.by);
                tracing::info!(
                    job = job.id,
                    trace_id = job.trace_id,
                    action,
                    by,
                    "a person moved the job on"
                );
                done.add(job.id);
            } else {
                done.refuse(job.id, "it has changed meanwhile");
            }
        }
        Ok(())
    }
}
