//! Whether the targets are met.

use serde::Serialize;

use super::Report;
use crate::{latency::Latency, statistics::median, system::System};

/// Ours to fastify's CPU per job, at most.
const CPU_RATIO: f64 = 0.75;
/// An accept's p50 to that of an append, at most, …
const APPENDS: f64 = 2.0;
/// … and milliseconds on top.
const ON_TOP: f64 = 0.15;

/// The targets; nothing where a system was not measured.
#[derive(Serialize)]
pub(crate) struct Verdict {
    pub(crate) cpu: Option<Target>,
    pub(crate) accept: Option<Target>,
}

/// A figure of each pair or run with its median and the most that it may be.
#[derive(Serialize)]
pub(crate) struct Target {
    pub(crate) figures: Vec<f64>,
    pub(crate) median: f64,
    pub(crate) at_most: f64,
    pub(crate) met: bool,
}

impl Verdict {
    pub(super) fn of(report: &Report) -> Self {
        let cpu = |system| report.figures(system, super::Trial::cpu_per_job);
        let ratios = cpu(System::Gateway)
            .iter()
            .zip(cpu(System::Fastify))
            .map(|(ours, peer)| ours / peer)
            .collect();
        // How much of its allowance an accept took, run by run: append and accept are of the same minute.
        let shares = report.figures(System::Gateway, |trial| allowance(&trial.latency));
        Self {
            cpu: Target::new(ratios, CPU_RATIO),
            accept: Target::new(shares, 1.0),
        }
    }
}

impl Target {
    fn new(figures: Vec<f64>, at_most: f64) -> Option<Self> {
        let median = median(&figures);
        (!figures.is_empty()).then_some(Self {
            figures,
            median,
            at_most,
            met: median <= at_most,
        })
    }
}

fn allowance(latency: &Latency) -> f64 {
    latency.accept_p50 / (APPENDS * latency.append_p50 + ON_TOP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accept_may_take_two_appends_and_a_bit() {
        let latency = |accept_p50| Latency {
            append_p50: 0.15,
            append_p99: 1.0,
            accept_p50,
            accept_p99: 1.0,
        };
        assert!((allowance(&latency(0.45)) - 1.0).abs() < 1e-9);
        assert!(allowance(&latency(0.5)) > 1.0);
    }

    #[test]
    fn the_median_decides() {
        assert!(Target::new(vec![0.8, 0.6, 0.7], CPU_RATIO).is_some_and(|target| target.met));
        assert!(Target::new(vec![0.9, 0.7, 0.9], CPU_RATIO).is_some_and(|target| !target.met));
        assert!(Target::new(vec![], CPU_RATIO).is_none());
    }
}
