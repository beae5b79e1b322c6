//! The control plane, as a client.

use std::time::Duration;

use proto::registrar::v1::{
    HandleEventRequest, HandleEventResponse, InstallRequest, InstallResponse, IssueTokenRequest, IssueTokenResponse,
    ProveCallbackRequest, ProveCallbackResponse, RecheckRequest, SyncRequest, SyncResponse,
    registrar_client::RegistrarClient,
};
use service::{
    Secret,
    grpc::{Connection, channel},
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

/// Longest wait for a control-plane call that talks to a portal or the OAuth server.
const LIMIT: Duration = Duration::from_mins(1);
/// A snapshot may be large.
const SYNC_BYTES: usize = 256 << 20;

/// The registrar. Clones share the connection.
#[derive(Clone)]
pub(crate) struct Registrar(RegistrarClient<InterceptedService<Channel, Bearer>>);

#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Registrar {
    /// Connects at the first call. To be made on the runtime whose threads are to serve the connection.
    pub(crate) fn new(uri: &http::Uri, token: &Secret) -> anyhow::Result<Self> {
        let mut value: MetadataValue<_> = format!("Bearer {}", token.expose())
            .parse()
            .map_err(|_| anyhow::anyhow!("gateway.registrar.token has characters that no header can carry"))?;
        value.set_sensitive(true);
        let channel = channel(&uri.to_string(), &Connection::default())?;
        let client = RegistrarClient::with_interceptor(channel, Bearer(value)).max_decoding_message_size(SYNC_BYTES);
        Ok(Self(client))
    }

    pub(crate) async fn sync(&self, request: SyncRequest) -> Result<SyncResponse, Status> {
        let limit = LIMIT + Duration::from_millis(request.wait_ms.into());
        within(limit, self.0.clone().sync(request)).await
    }

    pub(crate) async fn issue_token(&self, request: IssueTokenRequest) -> Result<IssueTokenResponse, Status> {
        within(LIMIT, self.0.clone().issue_token(request)).await
    }

    pub(crate) async fn prove_callback(&self, request: ProveCallbackRequest) -> Result<ProveCallbackResponse, Status> {
        within(LIMIT, self.0.clone().prove_callback(request)).await
    }

    pub(crate) async fn handle_event(&self, request: HandleEventRequest) -> Result<HandleEventResponse, Status> {
        within(LIMIT, self.0.clone().handle_event(request)).await
    }

    pub(crate) async fn install(&self, request: InstallRequest) -> Result<InstallResponse, Status> {
        within(LIMIT, self.0.clone().install(request)).await
    }

    pub(crate) async fn recheck(&self, request: RecheckRequest) -> Result<(), Status> {
        within(LIMIT, self.0.clone().recheck(request)).await.map(drop)
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Status> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result.map(tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!(
            "the registrar did not answer within {limit:?}"
        ))),
    }
}
