//! `bizproc`: the demo, the three services in one process, the emulated portal, and the operator's commands.

mod args;
mod check;
mod decode;
mod demo;
mod embedded;
mod jobs;
mod output;
mod portal;
mod serve;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Portal(args) => portal::run(args),
        Command::Decode(args) => decode::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Jobs(args) => jobs::run(&args),
    };
    done.unwrap_or_else(|error| {
        if output::is_closed(&error) {
            return ExitCode::SUCCESS;
        }
        output::complain(&format_args!("{error:#}"));
        ExitCode::FAILURE
    })
}
