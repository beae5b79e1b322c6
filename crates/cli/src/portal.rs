//! `bizproc portal`: the emulated portal alone, and cases of the real server run against it.

use std::{fs::File, io::BufReader, path::Path, process::ExitCode};

use anyhow::Context as _;
use portal::{Https, NewPortal, Options};
use service::Lifecycle;

use crate::{args, output};

pub(crate) fn run(args: args::Portal) -> anyhow::Result<ExitCode> {
    match args.command {
        Some(args::PortalCommand::Cases { file }) => cases(&file),
        None => emulate(&args),
    }
}

fn emulate(args: &args::Portal) -> anyhow::Result<ExitCode> {
    service::telemetry::logs();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let lifecycle = Lifecycle::default();
        lifecycle.stop_on_signals()?;
        let main = NewPortal {
            listen: args.portal,
            public: args.portal_public.clone(),
            ..NewPortal::default()
        };
        let options = Options {
            control: args.control,
            oauth: args.oauth,
            oauth_public: args.oauth_public.clone(),
            portals: vec![main],
            https: args.ca.clone().map(|file| Https {
                proxy: args.proxy,
                ca_file: Some(file),
            }),
        };
        let running = portal::start(options)
            .await
            .context("cannot start the emulated portal")?;
        output::line(&format!("control API   {}/control/", running.control_url))?;
        output::line(&format!("OAuth server  {}", running.oauth_url))?;
        if let Some(proxy) = &running.proxy_url {
            output::line(&format!("proxy         {proxy}"))?;
        }
        for portal in &running.portals {
            output::line(&format!(
                "portal {:6} {} (member_id {})",
                portal.name, portal.client_endpoint, portal.member_id
            ))?;
        }
        lifecycle.stopping().cancelled().await;
        running.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

fn cases(path: &Path) -> anyhow::Result<ExitCode> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let (mut passed, mut failed) = (0, 0);
    for (id, result) in portal::cases::run(BufReader::new(file)) {
        match result {
            Ok(()) => {
                passed += 1;
                output::line(&format!("{id} pass"))?;
            }
            Err(why) => {
                failed += 1;
                output::line(&format!("{id} fail: {why}"))?;
            }
        }
    }
    output::line(&format!("{passed} passed, {failed} failed"))?;
    Ok(if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
