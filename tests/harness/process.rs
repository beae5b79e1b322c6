//! One of our programs.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context as _;
use tokio::process::{Child, Command};

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts a program; its output goes to the test's.
    pub fn start(name: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start_with(name, arguments, &[])
    }

    /// The same with its log appended to a file.
    pub fn start_logged(
        name: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        Self::spawn(name, arguments, variables, log.into())
    }

    /// The same with variables in its environment.
    pub fn start_with(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let level = std::env::var("LOG").unwrap_or_else(|_| "warn".into());
        let variables: Vec<_> = variables.iter().copied().chain([("LOG", level.as_str())]).collect();
        Self::spawn(name, arguments, &variables, Stdio::inherit())
    }

    fn spawn(name: &str, arguments: &[&str], variables: &[(&str, &str)], log: Stdio) -> anyhow::Result<Self> {
        let child = Command::new(binary(name)?)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            child,
            name: name.into(),
        })
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Any signal: `STOP`, `CONT`.
    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.child.id().context("it has ended already")?.to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().await?;
        anyhow::ensure!(sent.success(), "kill -{name} {id}: {sent}");
        Ok(())
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGTERM, and waits for its end; an error if it does not end well.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        self.signal("TERM").await?;
        let status = self.child.wait().await?;
        anyhow::ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }

    /// Waits until it ends, however it does.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        self.child.wait().await?;
        Ok(())
    }
}

/// The path of a program that `cargo build --workspace --bins` made, beside the running test.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().find(|folder| folder.join(name).is_file());
    let folder = folder.with_context(|| format!("{name} is not built: run `cargo build --workspace --bins` first"))?;
    Ok(folder.join(name))
}
