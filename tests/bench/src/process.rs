//! A process under test, on one core, and the CPU time it takes.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde::Serialize;

/// A process that ends with its value.
pub(crate) struct Process {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    child: Child,
    log: PathBuf,
}

/// CPU seconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Cpu {
    pub(crate) user: f64,
    pub(crate) system: f64,
}

impl Process {
    /// Starts `program` on `core`; what it prints goes to `NAME.log` in `folder`, which is its working directory.
    pub(crate) fn start(
        name: &'static str,
        core: u32,
        folder: &Path,
        program: &Path,
        arguments: &[&str],
        environment: &[(String, String)],
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        // taskset becomes the program: the process id is the program's.
        let child = Command::new("taskset")
            .args(["-c", &core.to_string()])
            .arg(program)
            .args(arguments)
            .envs(environment.iter().cloned())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("starting taskset (util-linux)")?;
        Ok(Self { name, child, log })
    }

    /// What it took so far, all its threads together.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        cpu(self.child.id()).with_context(|| format!("{} is gone: {}", self.name, self.said()))
    }

    /// The last lines that it printed.
    pub(crate) fn said(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    /// Fails when it has ended.
    pub(crate) fn running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("{} ended with {status}: {}", self.name, self.said()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It drains, within its own limit, and writes what it has counted when it was built to count. It may have ended by itself.
        let id = self.child.id().to_string();
        let asked = Command::new("sh").args(["-c", "kill \"$0\"", &id]).status();
        if !asked.is_ok_and(|status| status.success()) {
            self.child.kill().ok();
        }
        self.child.wait().ok();
    }
}

impl Cpu {
    pub(crate) fn total(self) -> f64 {
        self.user + self.system
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            user: self.user - before.user,
            system: self.system - before.system,
        }
    }
}

/// What a process took so far, all its threads together.
pub(crate) fn cpu(id: u32) -> Result<Cpu> {
    let path = format!("/proc/{id}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    parse(&stat).with_context(|| format!("understanding {path}"))
}

/// Puts this process on a core, and the threads it starts from now on.
pub(crate) fn pin(core: u32) -> Result<()> {
    let done = Command::new("taskset")
        .args(["-cp", &core.to_string(), &std::process::id().to_string()])
        .stdout(Stdio::null())
        .status()
        .context("starting taskset (util-linux)")?;
    anyhow::ensure!(done.success(), "taskset could not put the benchmark on core {core}");
    Ok(())
}

/// utime and stime of /proc/PID/stat, in ticks of 10 ms (`USER_HZ` is 100 on every Linux of today).
fn parse(stat: &str) -> Option<Cpu> {
    // The second field is the program's name and may hold anything; the last bracket ends it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse().ok().map(|ticks: f64| ticks / 100.0);
    Some(Cpu {
        user: ticks()?,
        system: ticks()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_user_and_system_behind_an_odd_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 0 0 0 250 125 0 0 20 0 1 0 5 6 7";
        let cpu = parse(stat).unwrap();
        assert_eq!(format!("{} {} {}", cpu.user, cpu.system, cpu.total()), "2.5 1.25 3.75");
    }
}
