//! What was found: a table for people, one JSON object for programs.

mod table;
mod verdict;

use serde::Serialize;

use self::verdict::Verdict;
use crate::{machine::Machine, options::Options, statistics::median, system::System, trial::Trial};

/// Everything that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    jobs: u32,
    warm_up: u32,
    connections: u32,
    samples: u32,
    sampling: f64,
    reply: String,
    form: String,
    quick: bool,
    systems: Vec<System>,
    trials: Vec<Trial>,
}

/// The report with what follows from it.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    report: &'a Report,
    verdict: Verdict,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            machine: Machine::read(),
            jobs: options.jobs,
            warm_up: options.warm_up,
            connections: options.connections,
            samples: options.samples,
            sampling: options.sampling,
            reply: options.reply.clone(),
            form: options.form.clone(),
            quick: options.quick,
            systems: options.systems.clone(),
            trials: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, trial: Trial) {
        self.trials.push(trial);
    }

    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&Whole {
            report: self,
            verdict: Verdict::of(self),
        })
    }

    pub(crate) fn table(&self) -> String {
        table::render(self, &Verdict::of(self))
    }

    /// The runs of a system, in order.
    fn of(&self, system: System) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(move |trial| trial.system == system)
    }

    /// A figure of each run of a system.
    fn figures(&self, system: System, figure: impl Fn(&Trial) -> f64) -> Vec<f64> {
        self.of(system).map(figure).collect()
    }

    fn median(&self, system: System, figure: impl Fn(&Trial) -> f64) -> f64 {
        median(&self.figures(system, figure))
    }
}

/// A run in one line, while the next one goes on.
pub(crate) fn line(trial: &Trial) -> String {
    let shares = trial.cpu.iter().map(|share| {
        let per_job = share.cpu.total() * 1e6 / f64::from(trial.jobs);
        format!("{} {per_job:.1}", share.process)
    });
    format!(
        "{:.1} us of CPU a job ({}), {:.0} jobs/s, accept p50 {:.3} ms, others {:.0} %",
        trial.cpu_per_job(),
        shares.collect::<Vec<_>>().join(", "),
        f64::from(trial.jobs) / trial.seconds,
        trial.latency.accept_p50,
        trial.other.others * 100.0,
    )
}
