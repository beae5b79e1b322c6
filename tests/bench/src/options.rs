//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};

use crate::system::System;

/// CPU per job and accept latency of the gateway, side by side with the lesson's handler on fastify.
#[derive(Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the benchmark starts itself.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// The forwarder that `--systems bound` measures.
    #[command(hide = true)]
    Forward { listen: SocketAddr, portal: SocketAddr },
}

/// What else can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Experiment {
    /// How long another portal's workflows wait beside a slow portal with many answers due.
    Fairness,
    /// What jobs of an executor that is away cost the jobs of another one.
    Executor,
    /// How many answers a second a portal gets that takes two requests a second.
    Limiter,
}

/// How to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Systems, in the order in which they take turns.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "fastify,gateway")]
    pub(crate) systems: Vec<System>,
    /// Runs of each system.
    #[arg(long, default_value_t = 5)]
    pub(crate) runs: u32,
    /// Jobs measured in a run.
    #[arg(long, default_value_t = 40_000)]
    pub(crate) jobs: u32,
    /// Jobs before them that warm the system up.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) warm_up: u32,
    /// Connections that post.
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: u32,
    /// Callbacks over one connection whose latency is measured.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) samples: u32,
    /// Share of jobs whose trace is exported.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) sampling: f64,
    /// When the peer answers the portal: `at-once` or `after` its `event.send`.
    #[arg(long, default_value = "after", value_parser = ["at-once", "after"])]
    pub(crate) reply: String,
    /// How the peer reads the form: `qs` nests it, `flat` only splits it.
    #[arg(long, default_value = "qs", value_parser = ["qs", "flat"])]
    pub(crate) form: String,
    /// Another experiment instead, with the gateway alone beside the emulator.
    #[arg(long, value_enum)]
    pub(crate) experiment: Option<Experiment>,
    /// Answers due, or jobs waiting, in that experiment [default: as README.md says].
    #[arg(long)]
    pub(crate) answers: Option<u64>,
    /// A few hundred jobs: shows that the benchmark works, measures nothing.
    #[arg(long)]
    pub(crate) quick: bool,
    /// One JSON object instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    /// Core of the gateway, and of its peer.
    #[arg(long, default_value_t = 0)]
    pub(crate) core: u32,
    /// Core of load, sink, hasher and registrar.
    #[arg(long, default_value_t = 1)]
    pub(crate) other_core: u32,
    /// Folder of gateway, registrar and hasher [default: that of this program].
    #[arg(long, default_value_os_t = beside())]
    pub(crate) binaries: PathBuf,
    /// Folder of the peer.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/fastify"))]
    pub(crate) peer: PathBuf,
    /// Folder for databases and logs; must be on a real disk [default: that of this program].
    #[arg(long, default_value_os_t = beside())]
    pub(crate) data: PathBuf,
}

impl Options {
    /// With `--quick` in force.
    pub(crate) fn effective(mut self) -> Self {
        if self.quick {
            (self.runs, self.jobs, self.warm_up, self.connections, self.samples) = (1, 300, 50, 8, 50);
            self.answers = self.answers.or(Some(300));
        }
        self
    }
}

fn beside() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().map(PathBuf::from).unwrap_or_default()
}
