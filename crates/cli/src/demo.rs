//! `bizproc demo`: the main job from beginning to end, on an emulated portal.

mod control;
mod scene;
mod show;

use std::process::ExitCode;

use crate::{args, output};

pub(crate) fn run(args: &args::Demo) -> anyhow::Result<ExitCode> {
    service::telemetry::logs_from("warn");
    service::install_provider();
    let story = scene::play()?;
    if args.json {
        output::json(&story.to_json())?;
    } else {
        show::print(&story)?;
    }
    Ok(ExitCode::SUCCESS)
}
