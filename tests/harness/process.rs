//! One of our programs.

use std::{path::PathBuf, process::Stdio};

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

    /// The same with variables in its environment.
    pub fn start_with(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let child = Command::new(binary(name)?)
            .args(arguments)
            .envs(variables.iter().copied())
            .env("LOG", std::env::var("LOG").unwrap_or_else(|_| "warn".into()))
            .stdin(Stdio::null())
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

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGTERM, and waits for its end; an error if it does not end well.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        let id = self.child.id().context("it has ended already")?.to_string();
        Command::new("kill").args(["-TERM", &id]).status().await?;
        let status = self.child.wait().await?;
        anyhow::ensure!(status.success(), "{} ended with {status}", self.name);
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
