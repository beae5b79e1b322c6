//! The table.

use super::{Report, verdict::Target, verdict::Verdict};
use crate::{portal::Counts, statistics::median, system::System, trial::Trial};

type Count = fn(&Counts) -> u32;

/// How often the portal was asked, by what.
const ASKED: [(&str, Count); 3] = [
    ("answers sent", |asked| asked.answers),
    ("readings", |asked| asked.readings),
    ("requests", |asked| asked.requests),
];

pub(super) fn render(report: &Report, verdict: &Verdict) -> String {
    let mut lines = head(report);
    lines.push(format!("\nmicroseconds of CPU a job{}", columns(report)));
    for system in &report.systems {
        lines.push(row(&label(*system), &report.figures(*system, Trial::cpu_per_job), 1));
        for process in processes(report, *system) {
            let share = |trial: &Trial| per_job(trial, process);
            lines.push(row(&format!("  {process}"), &report.figures(*system, share), 1));
        }
    }
    lines.extend(
        verdict
            .cpu
            .as_ref()
            .map(|cpu| row("ratio gateway / fastify", &cpu.figures, 2)),
    );
    lines.push("\nof these, in the kernel".to_owned());
    for system in &report.systems {
        lines.push(
            row(
                system.name(),
                &report.figures(*system, |trial| kernel(trial) * 100.0),
                0,
            ) + " %",
        );
    }
    lines.push("\njobs a second, to the last answer".to_owned());
    for system in &report.systems {
        lines.push(row(
            system.name(),
            &report.figures(*system, |trial| f64::from(trial.jobs) / trial.seconds),
            0,
        ));
    }
    lines.push("\nwhat the portal was asked, a job".to_owned());
    for system in &report.systems {
        for (name, count) in ASKED {
            let figures = report.figures(*system, |trial| f64::from(count(&trial.asked)) / f64::from(trial.jobs));
            lines.push(row(&format!("{} {name}", system.name()), &figures, 3));
        }
    }
    lines.push("\none connection, milliseconds from POST to 200".to_owned());
    for system in &report.systems {
        lines.push(row(
            &format!("{} p50", system.name()),
            &report.figures(*system, |t| t.latency.accept_p50),
            3,
        ));
        lines.push(row(
            &format!("{} p99", system.name()),
            &report.figures(*system, |t| t.latency.accept_p99),
            3,
        ));
        lines.push(row(
            "  append + fdatasync p50",
            &report.figures(*system, |t| t.latency.append_p50),
            3,
        ));
        lines.push(row(
            "  append + fdatasync p99",
            &report.figures(*system, |t| t.latency.append_p99),
            3,
        ));
    }
    lines.push("\nother load meanwhile".to_owned());
    for system in &report.systems {
        let others = report.figures(*system, |trial| trial.other.others * 100.0);
        lines.push(row(&format!("{}: others", system.name()), &others, 0) + " % of all cores");
    }
    let all = |figure: fn(&Trial) -> f64| report.trials.iter().map(figure).fold(0.0, f64::max);
    lines.push(format!(
        "most stolen by the hypervisor {:.1} %, highest load average {:.1}",
        all(|trial| trial.other.steal) * 100.0,
        all(|trial| trial.other.load)
    ));
    lines.push(String::new());
    lines.extend(verdict.cpu.as_ref().map(|cpu| sentence("CPU a job, of fastify's", cpu)));
    lines.extend(
        verdict
            .accept
            .as_ref()
            .map(|accept| sentence("accept p50, of 2 x (append + fdatasync) + 0.15 ms", accept)),
    );
    if report.quick {
        lines.push("--quick: too few jobs to mean anything; it shows that the benchmark works.".to_owned());
    }
    lines.join("\n")
}

fn head(report: &Report) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{}; {} runs in turns",
            report.machine.describe(),
            report.trials.len() / report.systems.len().max(1)
        ),
        format!(
            "{} jobs a run after {} to warm up, {} connections; system on one core, load and sink (and hasher) on the other",
            report.jobs, report.warm_up, report.connections
        ),
    ];
    if report.systems.contains(&System::Gateway) {
        let spans = report.median(System::Gateway, |trial| f64::from(trial.spans) / f64::from(trial.jobs));
        lines.push(format!(
            "gateway: durable, sampling {}, {spans:.2} spans a job exported",
            report.sampling
        ));
    }
    if report.systems.contains(&System::Fastify) {
        lines.push(format!(
            "fastify: not durable, not traced, md5 in process, answers the portal {}",
            report.reply
        ));
    }
    for trial in report.trials.iter().filter(|trial| trial.refused + trial.repeated > 0) {
        let name = trial.system.name();
        lines.push(format!(
            "note: {name} refused {} and answered {} twice in a run",
            trial.refused, trial.repeated
        ));
    }
    lines
}

fn columns(report: &Report) -> String {
    let runs = report.trials.len() / report.systems.len().max(1);
    (1..=runs)
        .map(|run| format!("{:>9}", format!("run {run}")))
        .collect::<Vec<_>>()
        .concat()
        + "   median"
}

fn row(name: &str, figures: &[f64], digits: usize) -> String {
    let cells = figures
        .iter()
        .map(|figure| format!("{figure:9.digits$}"))
        .collect::<Vec<_>>()
        .concat();
    format!("{name:<25}{cells}{:9.digits$}", median(figures))
}

fn sentence(name: &str, target: &Target) -> String {
    let met = if target.met { "met" } else { "NOT met" };
    format!(
        "{name}: {:.2} (target at most {:.2}: {met})",
        target.median, target.at_most
    )
}

fn label(system: System) -> String {
    match system {
        System::Gateway => "gateway, all processes".to_owned(),
        other => other.name().to_owned(),
    }
}

fn processes(report: &Report, system: System) -> Vec<&'static str> {
    let first = report.of(system).next();
    let names: Vec<_> = first
        .into_iter()
        .flat_map(|trial| &trial.cpu)
        .map(|share| share.process)
        .collect();
    if names.len() > 1 { names } else { Vec::new() }
}

fn per_job(trial: &Trial, process: &str) -> f64 {
    let shares = trial.cpu.iter().filter(|share| share.process == process);
    shares.map(|share| share.cpu.total()).sum::<f64>() * 1e6 / f64::from(trial.jobs)
}

fn kernel(trial: &Trial) -> f64 {
    let system: f64 = trial.cpu.iter().map(|share| share.cpu.system).sum();
    let total: f64 = trial.cpu.iter().map(|share| share.cpu.total()).sum();
    if total > 0.0 { system / total } else { 0.0 }
}
