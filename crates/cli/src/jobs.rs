//! `bizproc jobs`: the jobs of a gateway.

use std::process::ExitCode;

use anyhow::Context as _;
use proto::gateway::v1::{GetRequest, Job, ListRequest, ListResponse, Outcome, State, jobs_client::JobsClient};
use serde_json::{Value, json};
use service::Secret;
use tonic::{Request, metadata::AsciiMetadataValue, transport::Channel};

use crate::{args, output};

/// A client with the operator's token.
pub(crate) struct Client {
    jobs: JobsClient<Channel>,
    bearer: AsciiMetadataValue,
}

impl Client {
    /// Connects at the first call. Must be made in a runtime.
    pub(crate) fn new(uri: &str, token: &str) -> anyhow::Result<Self> {
        let channel = service::grpc::channel(uri, &service::grpc::Connection::default())?;
        let mut bearer: AsciiMetadataValue = format!("Bearer {token}")
            .parse()
            .context("the operator token has characters that no token has")?;
        bearer.set_sensitive(true);
        Ok(Self {
            jobs: JobsClient::new(channel),
            bearer,
        })
    }

    pub(crate) async fn list(&mut self, request: ListRequest) -> anyhow::Result<ListResponse> {
        let request = self.authorised(request);
        Ok(self.jobs.list(request).await.map_err(said)?.into_inner())
    }

    async fn get(&mut self, id: &str) -> anyhow::Result<Job> {
        let request = self.authorised(GetRequest { id: id.into() });
        self.jobs
            .get(request)
            .await
            .map_err(said)?
            .into_inner()
            .job
            .context("the gateway sent no job")
    }

    fn authorised<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn said(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!("the gateway says {:?}: {}", status.code(), status.message())
}

pub(crate) fn run(args: &args::Jobs) -> anyhow::Result<ExitCode> {
    service::install_provider();
    let token = std::fs::read_to_string(&args.token_file)
        .with_context(|| format!("cannot read the operator token from {}", args.token_file.display()))?;
    let token = Secret::from(token.trim().to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut client = Client::new(&args.gateway, token.expose())?;
        if let Some(id) = &args.id {
            print(args.json, &client.get(id).await?)?;
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
            page.jobs.iter().try_for_each(|job| print(args.json, job))?;
            if page.next_page_token.is_empty() {
                return Ok(ExitCode::SUCCESS);
            }
            request.page_token = page.next_page_token;
        }
    })
}

fn print(json: bool, job: &Job) -> std::io::Result<()> {
    if json {
        return output::line(&to_json(job).to_string());
    }
    output::line(&format!("job {}  {}", job.id, state(job)))?;
    let row = |name: &str, text: String| {
        if text.is_empty() {
            Ok(())
        } else {
            output::line(&format!("  {name:<10} {text}"))
        }
    };
    row(
        "activity",
        format!("{} (app {}, revision {})", job.code, job.app, job.revision),
    )?;
    row("portal", job.member_id.clone())?;
    row("workflow", job.workflow_id.clone())?;
    row("document", job.document_id.join(" "))?;
    row("received", time(job.received.as_ref()))?;
    row("deadline", time(job.deadline.as_ref()))?;
    row("changed", time(job.changed.as_ref()))?;
    row("attempts", job.attempts.to_string())?;
    row("next try", time(job.next_attempt.as_ref()))?;
    row("problem", job.problem.clone())?;
    row("trace", job.trace_id.clone())
}

/// State and, once there is one, outcome.
pub(crate) fn state(job: &Job) -> String {
    let plain = |name: &str, prefix: &str| name.trim_start_matches(prefix).to_lowercase().replace('_', "-");
    let state = plain(job.state().as_str_name(), "STATE_");
    match job.outcome() {
        Outcome::Unspecified => state,
        outcome => format!("{state}, {}", plain(outcome.as_str_name(), "OUTCOME_")),
    }
}

fn to_json(job: &Job) -> Value {
    json!({
        "id": job.id, "state": job.state().as_str_name(), "outcome": job.outcome().as_str_name(),
        "app": job.app, "member_id": job.member_id, "workflow_id": job.workflow_id, "code": job.code,
        "document_id": job.document_id, "revision": job.revision, "attempts": job.attempts,
        "received": time(job.received.as_ref()), "deadline": time(job.deadline.as_ref()),
        "changed": time(job.changed.as_ref()), "next_attempt": time(job.next_attempt.as_ref()),
        "problem": job.problem, "trace_id": job.trace_id,
    })
}

/// RFC 3339, UTC, to the millisecond; empty if there is none.
fn time(timestamp: Option<&prost_types::Timestamp>) -> String {
    let timestamp = timestamp.and_then(|time| jiff::Timestamp::new(time.seconds, time.nanos).ok());
    timestamp.map(|time| format!("{time:.3}")).unwrap_or_default()
}
