//! The command line.

mod jobs;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use self::jobs::{Gateway, Jobs, JobsCommand, Which};

/// Bitrix24 business-process activities from any gRPC method.
#[derive(Parser)]
#[command(name = "bizproc", version = service::build_version(env!("CARGO_PKG_VERSION")), about)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows the main job: an emulated portal installs the app, a workflow waits on the MD5 activity, goes on with the value.
    Demo(Demo),
    /// Runs gateway, registrar and hasher in one process on SQLite, for a real portal.
    Serve(Serve),
    /// Runs the emulated portal alone, with its control API; `portal cases FILE` runs cases of the real server against it.
    Portal(Portal),
    /// Prints a captured form body from standard input as JSON, as PHP sees it.
    Decode(Decode),
    /// Checks an executor's annotated methods and prints the activities that they make.
    Check(Check),
    /// Shows the jobs of a gateway, one by its id or a list; `jobs replay` and `jobs discard` move them on.
    Jobs(Jobs),
}

#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Prints one JSON object: definition, callback, answer, log, values, `trace_id`.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Serve {
    /// Prints the commented default configuration of the three services.
    #[command(subcommand)]
    pub(crate) command: Option<ServeCommand>,
    /// Configuration with the tables `[gateway]`, `[registrar]` and `[hasher]`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum ServeCommand {
    /// Prints the commented default configuration of the three services.
    Config,
}

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[expect(clippy::struct_field_names, reason = "named as the options are")]
pub(crate) struct Portal {
    #[command(subcommand)]
    pub(crate) command: Option<PortalCommand>,
    /// Address of the control API.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub(crate) control: std::net::SocketAddr,
    /// Address of the OAuth server.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8091")]
    pub(crate) oauth: std::net::SocketAddr,
    /// Address of the portal named `main`.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8092")]
    pub(crate) portal: std::net::SocketAddr,
    /// Host and port by which apps reach the OAuth server, where that is not its address.
    #[arg(long, value_name = "HOST:PORT", default_value = "", hide_default_value = true)]
    pub(crate) oauth_public: String,
    /// Host and port by which apps reach the portal.
    #[arg(long, value_name = "HOST:PORT", default_value = "", hide_default_value = true)]
    pub(crate) portal_public: String,
    /// Apps reach the portal as `https://main.bitrix24.test` (or `--portal-public`) and the OAuth server by the vendor's hosts, through
    /// the proxy. FILE gets the certificate to trust, a new one at every start.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Address of the proxy.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8093", requires = "ca")]
    pub(crate) proxy: std::net::SocketAddr,
}

#[derive(Subcommand)]
pub(crate) enum PortalCommand {
    /// Runs a file of cases taken from the real server; exit code 1 when one fails.
    Cases {
        /// One JSON object a line.
        file: PathBuf,
    },
}

#[derive(clap::Args)]
pub(crate) struct Decode {
    /// Shows the body as what it is: an activity callback, a lifecycle event or a frame POST, secrets masked.
    #[arg(long)]
    pub(crate) typed: bool,
    /// Most name=value pairs; PHP's own limit is 1000.
    #[arg(long, value_name = "N", default_value_t = bitrix::form::Limits::default().pairs)]
    pub(crate) pairs: usize,
    /// Deepest nesting of names; PHP's own limit is 64.
    #[arg(long, value_name = "N", default_value_t = bitrix::form::Limits::default().depth)]
    pub(crate) depth: usize,
}

#[derive(clap::Args)]
pub(crate) struct Check {
    /// A running executor with server reflection, `http://host:port`.
    #[arg(
        value_name = "URI",
        required_unless_present = "descriptors",
        conflicts_with = "descriptors"
    )]
    pub(crate) executor: Option<String>,
    /// A descriptor set instead, as written by `buf build -o` or `protoc --include_imports --descriptor_set_out`.
    #[arg(long, value_name = "FILE")]
    pub(crate) descriptors: Option<PathBuf>,
    /// Prints the parameters of `bizproc.activity.add` as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
