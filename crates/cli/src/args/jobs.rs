//! The arguments of `bizproc jobs`.

use std::path::PathBuf;

use clap::Subcommand;
use proto::gateway::v1::{Outcome, State};

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    pub(crate) command: Option<JobsCommand>,
    /// A job's id: shows this one, with what people did with it.
    #[arg(value_name = "ID", conflicts_with_all = ["workflow", "document", "state"])]
    pub(crate) id: Option<String>,
    /// Only jobs of this workflow.
    #[arg(long, value_name = "ID")]
    pub(crate) workflow: Option<String>,
    /// Only jobs of this document, by the third part of its id (`DEAL_77`).
    #[arg(long, value_name = "ID")]
    pub(crate) document: Option<String>,
    /// Only jobs in this state.
    #[arg(long)]
    pub(crate) state: Option<JobState>,
    #[command(flatten)]
    pub(crate) gateway: Option<Gateway>,
}

#[derive(Subcommand)]
pub(crate) enum JobsCommand {
    /// Lets jobs begin again, with all their tries and another day: parked ones; by id or by state also `sent` ones; by
    /// id or by outcome those that are `done` because they expired or their portal was thought gone.
    Replay(Which),
    /// Ends jobs without an answer, and erases their values: parked ones; by id or by state also those that wait. Their workflows
    /// go on waiting.
    Discard(Which),
}

/// Which jobs, why, and by whom.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true)))]
pub(crate) struct Which {
    /// Ids of jobs.
    #[arg(
        value_name = "ID",
        group = "which",
        conflicts_with_all = ["workflow", "document", "state", "app", "portal", "code", "outcome", "older_than", "all"]
    )]
    pub(crate) ids: Vec<String>,
    /// Jobs of this workflow.
    #[arg(long, value_name = "ID", group = "which")]
    pub(crate) workflow: Option<String>,
    /// Jobs of this document, by the third part of its id (`DEAL_77`).
    #[arg(long, value_name = "ID", group = "which")]
    pub(crate) document: Option<String>,
    /// Jobs in this state; without it, and without an outcome, parked ones.
    #[arg(long, group = "which")]
    pub(crate) state: Option<JobState>,
    /// Jobs of this app.
    #[arg(long, value_name = "NAME", group = "which")]
    pub(crate) app: Option<String>,
    /// Jobs of this portal, by its `member_id`.
    #[arg(long, value_name = "MEMBER_ID", group = "which")]
    pub(crate) portal: Option<String>,
    /// Jobs of this activity or robot.
    #[arg(long, value_name = "CODE", group = "which")]
    pub(crate) code: Option<String>,
    /// Jobs that ended so.
    #[arg(long, group = "which")]
    pub(crate) outcome: Option<JobOutcome>,
    /// Jobs received at least so long ago (`90m`, `48h`).
    #[arg(long, value_name = "TIME", group = "which")]
    pub(crate) older_than: Option<jiff::SignedDuration>,
    /// All jobs that are parked, or in the state given.
    #[arg(long, group = "which")]
    pub(crate) all: bool,
    /// The reason; it is kept with each job.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub(crate) why: Option<String>,
    /// Who does it; it is kept with each job.
    #[arg(long, value_name = "NAME", env = "USER", required_unless_present = "dry_run")]
    pub(crate) by: Option<String>,
    /// Only counts.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Yes, more than one job.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) gateway: Gateway,
}

/// The gateway to ask.
#[derive(clap::Args)]
pub(crate) struct Gateway {
    /// The gateway's gRPC address.
    #[arg(
        long = "gateway",
        value_name = "URI",
        default_value = "http://127.0.0.1:50053",
        env = "BIZPROC_GATEWAY"
    )]
    pub(crate) uri: String,
    /// File with the operator token.
    #[arg(long, value_name = "FILE", env = "BIZPROC_OPERATOR_TOKEN_FILE")]
    pub(crate) token_file: PathBuf,
    /// Prints JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a job is.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum JobState {
    /// Its sender is not proved yet.
    Quarantined,
    /// Its executor is called.
    Accepted,
    /// Its executor answers later.
    Deferred,
    /// The portal does not take its answer yet.
    AnsweredUnsent,
    /// The portal took its answer, which is looked for until it is seen to arrive.
    Sent,
    /// It is over.
    Done,
    /// It is not answered, and needs a person.
    Parked,
}

impl From<JobState> for State {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Quarantined => Self::Quarantined,
            JobState::Accepted => Self::Accepted,
            JobState::Deferred => Self::Deferred,
            JobState::AnsweredUnsent => Self::AnsweredUnsent,
            JobState::Sent => Self::Sent,
            JobState::Done => Self::Done,
            JobState::Parked => Self::Parked,
        }
    }
}

/// How a job ended.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum JobOutcome {
    Answered,
    AnsweredError,
    NotWaiting,
    Expired,
    WorkflowGone,
    PortalGone,
    Discarded,
}

impl From<JobOutcome> for Outcome {
    fn from(outcome: JobOutcome) -> Self {
        match outcome {
            JobOutcome::Answered => Self::Answered,
            JobOutcome::AnsweredError => Self::AnsweredError,
            JobOutcome::NotWaiting => Self::NotWaiting,
            JobOutcome::Expired => Self::Expired,
            JobOutcome::WorkflowGone => Self::WorkflowGone,
            JobOutcome::PortalGone => Self::PortalGone,
            JobOutcome::Discarded => Self::Discarded,
        }
    }
}
