//! One run of one system: started, warmed up, loaded, drained, stopped.

use std::{ops::Range, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    callback::Template,
    clock,
    latency::{self, Latency},
    load,
    machine::{Other, Snapshot},
    options::Options,
    portal::Counts,
    process::{self, Cpu},
    sink::Sink,
    system::System,
    systems::{self, Running},
};

/// Longest wait for answers that do not come any nearer.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(2);
/// Spans are exported every second at the latest: none for this long means all came.
const QUIET: Duration = Duration::from_millis(1500);

/// What a run found.
#[derive(Serialize)]
pub(crate) struct Trial {
    pub(crate) system: System,
    pub(crate) jobs: u32,
    /// Callbacks that got no 200.
    pub(crate) refused: u32,
    /// Answers that came twice, over the whole run.
    pub(crate) repeated: u32,
    /// From the first POST to the last answer.
    pub(crate) seconds: f64,
    /// CPU seconds by process.
    pub(crate) cpu: Vec<Share>,
    /// What the portal was asked for these jobs.
    pub(crate) asked: Counts,
    /// Spans that the collector got for these jobs.
    pub(crate) spans: u32,
    pub(crate) latency: Latency,
    pub(crate) other: Other,
}

/// What a process took.
#[derive(Serialize)]
pub(crate) struct Share {
    pub(crate) process: &'static str,
    #[serde(flatten)]
    pub(crate) cpu: Cpu,
}

impl Trial {
    /// Microseconds of CPU a job, all processes together.
    pub(crate) fn cpu_per_job(&self) -> f64 {
        self.cpu.iter().map(|share| share.cpu.total()).sum::<f64>() * 1e6 / f64::from(self.jobs)
    }
}

/// A running system with its load.
struct Bench<'a> {
    options: &'a Options,
    sink: Sink,
    running: Running,
    template: Template,
    acknowledged: u32,
}

/// Runs `system` once.
pub(crate) async fn run(system: System, options: &Options) -> Result<Trial> {
    let folder = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(&options.data)
        .context("a folder for the run")?;
    let sink = Sink::start().await?;
    let running = systems::start(system, options, &sink, folder.path()).await?;
    let template = Template::new(running.target, &running.path, &sink.identity())?;
    let mut bench = Bench {
        options,
        sink,
        running,
        template,
        acknowledged: 0,
    };

    let mut number = 0;
    let mut next = |count: u32| {
        number += count;
        number - count..number
    };
    bench.load(next(1)).await.context("the first callback")?;
    bench.load(next(options.warm_up)).await.context("warming up")?;
    bench.settle().await;

    let (others, own) = (Snapshot::now(), bench.everything()?);
    let (before, spans) = (bench.cpu()?, bench.sink.collector.spans());
    let asked = bench.sink.portal.asked.counts();
    let start = clock::now();
    let accepted = bench.load(next(options.jobs)).await?;
    let seconds = start.elapsed().as_secs_f64();
    bench.settle().await;
    let cpu = bench.cpu()?.into_iter().zip(before).map(|(after, before)| Share {
        process: after.process,
        cpu: after.cpu.since(before.cpu),
    });
    let other = Snapshot::now().since(others, bench.everything()? - own);
    let (cpu, spans) = (cpu.collect(), bench.sink.collector.spans() - spans);
    let asked = bench.sink.portal.asked.counts().since(asked);

    let latency = bench
        .latency(next(options.samples), folder.path())
        .await
        .context("measuring latency")?;
    ensure!(
        bench.sink.answers.wrong() == 0,
        "{} answers carried a wrong value",
        bench.sink.answers.wrong()
    );
    Ok(Trial {
        system,
        jobs: accepted,
        refused: options.jobs - accepted,
        repeated: bench.sink.answers.repeated(),
        seconds,
        cpu,
        asked,
        spans,
        latency,
        other,
    })
}

impl Bench<'_> {
    /// Posts jobs and waits until each acknowledged one is answered; how many were acknowledged.
    async fn load(&mut self, jobs: Range<u32>) -> Result<u32> {
        let (target, connections) = (self.running.target, self.options.connections);
        let acknowledged = load::saturate(target, &self.template, connections, jobs).await?;
        self.acknowledged += acknowledged;
        self.drained().await?;
        Ok(acknowledged)
    }

    async fn latency(&mut self, jobs: Range<u32>, folder: &std::path::Path) -> Result<Latency> {
        let (target, template, folder) = (self.running.target, self.template.clone(), folder.to_owned());
        let measured = tokio::task::spawn_blocking(move || latency::measure(target, template, jobs, &folder)).await?;
        let (latency, acknowledged) = measured?;
        self.acknowledged += acknowledged;
        self.drained().await?;
        Ok(latency)
    }

    async fn drained(&mut self) -> Result<()> {
        let (mut answered, mut since) = (0, clock::now());
        while self.sink.answers.answered() < self.acknowledged {
            sleep(POLL).await;
            let now = self.sink.answers.answered();
            if now > answered {
                (answered, since) = (now, clock::now());
            }
            if since.elapsed() > PATIENCE {
                let said: Vec<String> = self.running.processes.iter().map(process::Process::said).collect();
                let acknowledged = self.acknowledged;
                anyhow::bail!(
                    "only {answered} of {acknowledged} acknowledged jobs were answered: {}",
                    said.join("\n")
                );
            }
        }
        for process in &mut self.running.processes {
            process.running()?;
        }
        Ok(())
    }

    /// Waits for what follows the last answer: its proof, spans, and states that are written lazily.
    async fn settle(&self) {
        while self.running.traced && self.sink.portal.asked.counts().workflows_over < self.acknowledged {
            sleep(QUIET).await;
        }
        let mut spans = None;
        while self.running.traced && spans != Some(self.sink.collector.spans()) {
            spans = Some(self.sink.collector.spans());
            sleep(QUIET).await;
        }
    }

    fn cpu(&self) -> Result<Vec<Share>> {
        let processes = self.running.processes.iter();
        processes
            .map(|process| {
                Ok(Share {
                    process: process.name,
                    cpu: process.cpu()?,
                })
            })
            .collect()
    }

    /// CPU seconds of all that the benchmark runs, load and sink included.
    fn everything(&self) -> Result<f64> {
        let own = process::cpu(std::process::id())?.total();
        Ok(own + self.cpu()?.iter().map(|share| share.cpu.total()).sum::<f64>())
    }
}
