//! The machine, and what else it was doing meanwhile.

use std::fs;

use serde::Serialize;

/// What the machine is.
#[derive(Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
}

/// The processors' time since boot, in ticks.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot {
    busy: f64,
    steal: f64,
    all: f64,
}

/// Other load during a measurement.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Other {
    /// Share of all processor time that other processes and the kernel's own threads took.
    pub(crate) others: f64,
    /// Share that the hypervisor withheld.
    pub(crate) steal: f64,
    /// Load average over a minute, at the end.
    pub(crate) load: f64,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let mut names = processors
            .lines()
            .filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: names.next().map_or("unknown", |(_, name)| name).to_owned(),
            cores: processors.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
        }
    }

    pub(crate) fn describe(&self) -> String {
        format!("{} x {}, Linux {}", self.cores, self.processor, self.kernel)
    }
}

impl Snapshot {
    pub(crate) fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let first = stat.lines().next().unwrap_or_default();
        // user nice system idle iowait irq softirq steal; guests are in user already.
        let ticks: Vec<f64> = first
            .split_whitespace()
            .skip(1)
            .take(8)
            .filter_map(|n| n.parse().ok())
            .collect();
        let at = |index: usize| ticks.get(index).copied().unwrap_or_default();
        Self {
            busy: at(0) + at(1) + at(2) + at(5) + at(6),
            steal: at(7),
            all: ticks.iter().sum(),
        }
    }

    /// Other load since `before`, of which `own` CPU seconds were the benchmark's.
    pub(crate) fn since(self, before: Self, own: f64) -> Other {
        let all = (self.all - before.all).max(1.0);
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Other {
            others: ((self.busy - before.busy - own * 100.0) / all).max(0.0),
            steal: (self.steal - before.steal) / all,
            load: load
                .split(' ')
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or_default(),
        }
    }
}
