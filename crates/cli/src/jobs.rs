//! `bizproc jobs`: the jobs of a gateway.

mod client;
mod intervene;
mod print;

use std::process::ExitCode;

use anyhow::Context as _;
use proto::gateway::v1::{ListRequest, State};
use service::Secret;

pub(crate) use self::{client::Client, print::state};
use crate::args;

pub(crate) fn run(args: &args::Jobs) -> anyhow::Result<ExitCode> {
    service::install_provider();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match (&args.command, &args.gateway) {
            (Some(args::JobsCommand::Replay(which)), _) => intervene::replay(connect(&which.gateway)?, which).await,
            (Some(args::JobsCommand::Discard(which)), _) => intervene::discard(connect(&which.gateway)?, which).await,
            (None, Some(gateway)) => show(connect(gateway)?, args, gateway.json).await,
            (None, None) => anyhow::bail!("--token-file is missing"),
        }
    })
}

fn connect(gateway: &args::Gateway) -> anyhow::Result<Client> {
    let token = std::fs::read_to_string(&gateway.token_file)
        .with_context(|| format!("cannot read the operator token from {}", gateway.token_file.display()))?;
    let token = Secret::from(token.trim().to_owned());
    Client::new(&gateway.uri, token.expose())
}

async fn show(mut client: Client, args: &args::Jobs, json: bool) -> anyhow::Result<ExitCode> {
    if let Some(id) = &args.id {
        let (job, history) = client.get(id).await?;
        print::job(json, &job, &history)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut request = ListRequest {
        workflow_id: args.workflow.clone().unwrap_or_default(),
        document_id: args.document.clone().unwrap_or_default(),
        state: args.state.map_or(0, |state| State::from(state).into()),
        page_size: 500,
        ..ListRequest::default()
    };
    loop {
        let page = client.list(request.clone()).await?;
        page.jobs.iter().try_for_each(|job| print::job(json, job, &[]))?;
        if page.next_page_token.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        request.page_token = page.next_page_token;
    }
}
