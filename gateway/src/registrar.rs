//! The control plane, as a client.

use std::time::Duration;

use proto::registrar::v1::{
    HandleEventRequest, HandleEventResponse, InstallRequest, InstallResponse, IssueTokenRequest, IssueTokenResponse,
    ProveCallbackRequest, ProveCallbackResponse, RecheckRequest, SyncRequest, SyncResponse,
    registrar_client::RegistrarClient,
};
use service::{
    Secret,
    grpc::{Connection, channel, code_name, propagate},
    telemetry::{KeyValue, SpanContext},
};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::trace;

/// Longest wait for a control-plane call that talks to a portal or the OAuth server.
const LIMIT: Duration = Duration::from_mins(1);
/// A snapshot may be large.
const SYNC_BYTES: usize = 256 << 20;

/// Methods as their client spans are called.
pub(crate) const ISSUE_TOKEN: &str = "registrar.v1.Registrar/IssueToken";
pub(crate) const PROVE_CALLBACK: &str = "registrar.v1.Registrar/ProveCallback";
pub(crate) const HANDLE_EVENT: &str = "registrar.v1.Registrar/HandleEvent";
pub(crate) const INSTALL: &str = "registrar.v1.Registrar/Install";

/// The registrar. Clones share the connection.
#[derive(Clone)]
pub(crate) struct Registrar {
    client: RegistrarClient<InterceptedService<Channel, Bearer>>,
    server: trace::Server,
}

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
        Ok(Self {
            client,
            server: trace::Server::of(uri),
        })
    }

    /// Attributes of the client span of one of its methods.
    pub(crate) fn attributes(&self, path: &str) -> Vec<KeyValue> {
        trace::rpc(path, &self.server)
    }

    pub(crate) async fn sync(&self, request: SyncRequest) -> Result<SyncResponse, Status> {
        let limit = LIMIT + Duration::from_millis(request.wait_ms.into());
        within(limit, self.client.clone().sync(request)).await
    }

    pub(crate) async fn issue_token(
        &self,
        request: IssueTokenRequest,
        parent: &SpanContext,
    ) -> Result<IssueTokenResponse, Status> {
        within(LIMIT, self.client.clone().issue_token(under(parent, request))).await
    }

    pub(crate) async fn prove_callback(
        &self,
        request: ProveCallbackRequest,
        parent: &SpanContext,
    ) -> Result<ProveCallbackResponse, Status> {
        within(LIMIT, self.client.clone().prove_callback(under(parent, request))).await
    }

    pub(crate) async fn handle_event(
        &self,
        request: HandleEventRequest,
        parent: &SpanContext,
    ) -> Result<HandleEventResponse, Status> {
        within(LIMIT, self.client.clone().handle_event(under(parent, request))).await
    }

    pub(crate) async fn install(
        &self,
        request: InstallRequest,
        parent: &SpanContext,
    ) -> Result<InstallResponse, Status> {
        within(LIMIT, self.client.clone().install(under(parent, request))).await
    }

    pub(crate) async fn recheck(&self, request: RecheckRequest) -> Result<(), Status> {
        within(LIMIT, self.client.clone().recheck(request)).await.map(drop)
    }
}

/// A request with the context of the span `parent`.
fn under<T>(parent: &SpanContext, message: T) -> Request<T> {
    let mut request = Request::new(message);
    propagate(parent, request.metadata_mut());
    request
}

/// What the client span of a call tells of its end.
pub(crate) fn ended<T>(result: &Result<T, Status>) -> Vec<KeyValue> {
    let code = result.as_ref().map_or_else(Status::code, |_| Code::Ok);
    let mut attributes = vec![KeyValue::new("rpc.grpc.status_code", i64::from(code as i32))];
    if code != Code::Ok {
        attributes.push(KeyValue::new("error.type", code_name(code)));
    }
    attributes
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
