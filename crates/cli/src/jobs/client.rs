//! A client of the Jobs service.

use anyhow::Context as _;
use proto::gateway::v1::{
    DiscardRequest, DiscardResponse, GetRequest, HistoryEntry, Job, ListRequest, ListResponse, ReplayRequest,
    ReplayResponse, jobs_client::JobsClient,
};
use tonic::{Request, metadata::AsciiMetadataValue, transport::Channel};

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

    pub(super) async fn get(&mut self, id: &str) -> anyhow::Result<(Job, Vec<HistoryEntry>)> {
        let request = self.authorised(GetRequest { id: id.into() });
        let response = self.jobs.get(request).await.map_err(said)?.into_inner();
        Ok((response.job.context("the gateway sent no job")?, response.history))
    }

    pub(super) async fn replay(&mut self, request: ReplayRequest) -> anyhow::Result<ReplayResponse> {
        let request = self.authorised(request);
        Ok(self.jobs.replay(request).await.map_err(said)?.into_inner())
    }

    pub(super) async fn discard(&mut self, request: DiscardRequest) -> anyhow::Result<DiscardResponse> {
        let request = self.authorised(request);
        Ok(self.jobs.discard(request).await.map_err(said)?.into_inner())
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
