//! `bench`: what a job costs, side by side with the lesson's handler on fastify. `README.md` says how it is measured.

mod answers;
mod callback;
mod clock;
mod experiments;
mod http;
mod latency;
mod load;
mod machine;
mod options;
mod otlp;
mod portal;
mod process;
mod report;
mod sink;
mod statistics;
mod system;
mod systems;
mod trial;

use std::io::{self, Write as _};

use anyhow::Result;
use clap::Parser as _;

use crate::{
    options::{Arguments, Command, Options},
    report::Report,
};

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let options = arguments.options.effective();
    if arguments.command.is_none() {
        process::pin(options.other_core)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Some(Command::Forward { listen, portal }) => systems::forward(listen, portal).await,
            None => match options.experiment {
                Some(experiment) => tell(&experiments::run(experiment, &options).await?),
                None => compare(&options).await,
            },
        }
    })
}

async fn compare(options: &Options) -> Result<()> {
    let mut report = Report::new(options);
    for run in 1..=options.runs {
        for system in &options.systems {
            let trial = trial::run(*system, options).await?;
            writeln!(io::stderr(), "run {run}, {}: {}", system.name(), report::line(&trial))?;
            report.add(trial);
        }
    }
    tell(&if options.json { report.json()? } else { report.table() })
}

fn tell(text: &str) -> Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}
