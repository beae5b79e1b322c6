//! `bizproc jobs replay` and `discard`: a person moves jobs on.

use std::process::ExitCode;

use anyhow::Context as _;
use proto::gateway::v1::{
    DiscardRequest, DiscardResponse, Filter, NotPossible, Outcome, ReplayRequest, ReplayResponse, State,
};
use serde_json::json;

use super::Client;
use crate::{args, output};

/// What was done; of a dry run, what would be.
struct Done {
    jobs: u64,
    ids: Vec<String>,
    not_possible: u64,
    refused: Vec<NotPossible>,
}

pub(super) async fn replay(mut client: Client, which: &args::Which) -> anyhow::Result<ExitCode> {
    let request = ReplayRequest {
        ids: which.ids.clone(),
        filter: filter(which)?,
        all: which.all,
        dry_run: true,
        why: which.why.clone().unwrap_or_default(),
        by: which.by.clone().unwrap_or_default(),
    };
    let counted: Done = client.replay(request.clone()).await?.into();
    if !goes_on(which, "replayed", &counted)? {
        return counted.end(which, "replayed");
    }
    let dry_run = false;
    let done: Done = client.replay(ReplayRequest { dry_run, ..request }).await?.into();
    done.end(which, "replayed")
}

pub(super) async fn discard(mut client: Client, which: &args::Which) -> anyhow::Result<ExitCode> {
    let request = DiscardRequest {
        ids: which.ids.clone(),
        filter: filter(which)?,
        all: which.all,
        dry_run: true,
        why: which.why.clone().unwrap_or_default(),
        by: which.by.clone().unwrap_or_default(),
    };
    let counted: Done = client.discard(request.clone()).await?.into();
    if !goes_on(which, "discarded", &counted)? {
        return counted.end(which, "discarded");
    }
    let dry_run = false;
    let done: Done = client.discard(DiscardRequest { dry_run, ..request }).await?.into();
    done.end(which, "discarded")
}

fn filter(which: &args::Which) -> anyhow::Result<Option<Filter>> {
    let text = |option: &Option<String>| option.clone().unwrap_or_default();
    let filter = Filter {
        workflow_id: text(&which.workflow),
        document_id: text(&which.document),
        state: which.state.map_or(0, |state| State::from(state).into()),
        app: text(&which.app),
        member_id: text(&which.portal),
        code: text(&which.code),
        outcome: which.outcome.map_or(0, |outcome| Outcome::from(outcome).into()),
        older_than: which.older_than.map(age).transpose()?,
    };
    Ok(Some(filter).filter(|filter| *filter != Filter::default()))
}

fn age(age: jiff::SignedDuration) -> anyhow::Result<prost_types::Duration> {
    let age = std::time::Duration::try_from(age).context("--older-than is negative")?;
    age.try_into().context("--older-than is too long")
}

/// After a count, whether it is to be done.
fn goes_on(which: &args::Which, done: &str, counted: &Done) -> anyhow::Result<bool> {
    if which.dry_run || counted.jobs == 0 {
        return Ok(false);
    }
    if counted.jobs > 1 && !which.yes {
        anyhow::bail!("{} jobs would be {done}: look with --dry-run, say --yes", counted.jobs);
    }
    Ok(true)
}

impl Done {
    /// Prints it. It is a failure when nothing was done, but should have been.
    fn end(self, which: &args::Which, done: &str) -> anyhow::Result<ExitCode> {
        let success = which.dry_run || self.jobs > 0;
        if which.gateway.json {
            let refused: Vec<_> = self
                .refused
                .iter()
                .map(|job| json!({"id": job.id, "reason": job.reason}))
                .collect();
            output::line(
                &json!({
                    "dry_run": which.dry_run, "jobs": self.jobs, "ids": self.ids,
                    "not_possible": self.not_possible, "refused": refused,
                })
                .to_string(),
            )?;
        } else {
            self.print(done, which.dry_run)?;
        }
        Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn print(&self, done: &str, dry_run: bool) -> std::io::Result<()> {
        let count = |jobs: u64| match jobs {
            1 => "1 job".to_owned(),
            jobs => format!("{jobs} jobs"),
        };
        let more = |jobs: u64, told: usize| match jobs.saturating_sub(told as u64) {
            0 => Ok(()),
            jobs => output::line(&format!("  and {jobs} more")),
        };
        let would = if dry_run { "would be " } else { "" };
        output::line(&format!("{} {would}{done}", count(self.jobs)))?;
        self.ids.iter().try_for_each(|id| output::line(&format!("  {id}")))?;
        more(self.jobs, self.ids.len())?;
        if self.not_possible > 0 {
            output::line(&format!("{} left as found", count(self.not_possible)))?;
            self.refused
                .iter()
                .try_for_each(|job| output::line(&format!("  {}  {}", job.id, job.reason)))?;
            more(self.not_possible, self.refused.len())?;
        }
        Ok(())
    }
}

impl From<ReplayResponse> for Done {
    fn from(response: ReplayResponse) -> Self {
        Self {
            jobs: response.jobs,
            ids: response.ids,
            not_possible: response.not_possible,
            refused: response.refused,
        }
    }
}

impl From<DiscardResponse> for Done {
    fn from(response: DiscardResponse) -> Self {
        Self {
            jobs: response.jobs,
            ids: response.ids,
            not_possible: response.not_possible,
            refused: response.refused,
        }
    }
}
