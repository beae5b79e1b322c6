//! A registrar that does as it is told.

use std::sync::Arc;

use parking_lot::Mutex;
use proto::registrar::v1::{
    HandleEventRequest, HandleEventResponse, InstallRequest, InstallResponse, Installation, InstallationState,
    IssueTokenRequest, IssueTokenResponse, ListActivitiesRequest, ListActivitiesResponse, ListInstallationsRequest,
    ListInstallationsResponse, ProveCallbackRequest, ProveCallbackResponse, RecheckRequest, RecheckResponse,
    ReconcileRequest, ReconcileResponse, Revision, SyncRequest, SyncResponse, Verdict,
    registrar_server::{Registrar, RegistrarServer},
};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, sync::watch};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

pub(crate) const TOKEN: &str = "service-token";
pub(crate) const APPLICATION_TOKEN: &str = "c1b39a7e2d5f48a6b0d3e6f9a2c5d8e1";
pub(crate) const MEMBER: &str = "d41d8cd98f00b204e9800998ecf8427e";
pub(crate) const APP: &str = "demo";

/// What it answers and what it was asked.
pub(crate) struct State {
    pub(crate) snapshot: watch::Sender<SyncResponse>,
    pub(crate) verdict: Mutex<Verdict>,
    /// Instead of a verdict.
    pub(crate) no_verdict: Mutex<Option<Status>>,
    pub(crate) token: Mutex<Result<IssueTokenResponse, Status>>,
    pub(crate) install: Mutex<Result<InstallResponse, Status>>,
    pub(crate) event: Mutex<Result<HandleEventResponse, Status>>,
    pub(crate) issued: Mutex<Vec<IssueTokenRequest>>,
    pub(crate) proved: Mutex<Vec<ProveCallbackRequest>>,
    pub(crate) events: Mutex<Vec<HandleEventRequest>>,
    pub(crate) rechecks: Mutex<Vec<RecheckRequest>>,
    pub(crate) installs: Mutex<Vec<InstallRequest>>,
}

#[derive(Clone)]
pub(crate) struct FakeRegistrar {
    pub(crate) state: Arc<State>,
    pub(crate) uri: String,
    pub(crate) revision: String,
}

impl FakeRegistrar {
    /// Knows one app with hasher's activities, installed on the portal at `endpoint`.
    pub(crate) async fn start(executor: &str, endpoint: &str) -> Self {
        let set = activity::Set::read(proto::DESCRIPTORS, &activity::Limits::default()).unwrap();
        let revision = set.revision().to_string();
        let snapshot = SyncResponse {
            version: "1".into(),
            unchanged: false,
            revisions: vec![Revision {
                app: APP.into(),
                revision: revision.clone(),
                executor: "hasher".into(),
                executor_uri: executor.into(),
                descriptors: set.descriptors().to_vec(),
                allowed_codes: vec!["*".into()],
                current: true,
            }],
            installations: vec![Installation {
                app: APP.into(),
                member_id: MEMBER.into(),
                application_token_sha256: vec![Sha256::digest(APPLICATION_TOKEN).to_vec()],
                client_endpoint: endpoint.into(),
                state: InstallationState::Active.into(),
                ..Installation::default()
            }],
            apps: vec![APP.into()],
        };
        let state = Arc::new(State {
            snapshot: watch::Sender::new(snapshot),
            verdict: Mutex::new(Verdict::Proved),
            no_verdict: Mutex::default(),
            token: Mutex::new(Ok(IssueTokenResponse {
                access_token: "access-1".into(),
                expires: None,
                client_endpoint: endpoint.into(),
            })),
            install: Mutex::new(Ok(InstallResponse::default())),
            event: Mutex::new(Ok(HandleEventResponse {
                believed: true,
                reason: String::new(),
            })),
            issued: Mutex::default(),
            proved: Mutex::default(),
            events: Mutex::default(),
            rechecks: Mutex::default(),
            installs: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { state, uri, revision };
        let service = RegistrarServer::with_interceptor(fake.clone(), |request: Request<()>| {
            let expected = format!("Bearer {TOKEN}");
            match request.metadata().get("authorization") {
                Some(value) if value.as_bytes() == expected.as_bytes() => Ok(request),
                _ => Err(Status::unauthenticated("wrong token")),
            }
        });
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpIncoming::from(listener)),
        );
        fake
    }

    /// Changes the snapshot.
    pub(crate) fn change(&self, change: impl FnOnce(&mut SyncResponse)) {
        self.state.snapshot.send_modify(|snapshot| {
            change(snapshot);
            snapshot.version.push('+');
        });
    }

    pub(crate) fn issue(&self, access_token: &str) {
        if let Ok(response) = &mut *self.state.token.lock() {
            response.access_token = access_token.into();
        }
    }
}

#[tonic::async_trait]
impl Registrar for FakeRegistrar {
    async fn sync(&self, request: Request<SyncRequest>) -> Result<Response<SyncResponse>, Status> {
        let request = request.into_inner();
        let mut snapshots = self.state.snapshot.subscribe();
        let mut snapshot = snapshots
            .wait_for(|snapshot| snapshot.version != request.version)
            .await
            .unwrap()
            .clone();
        for revision in &mut snapshot.revisions {
            if request.known_revisions.contains(&revision.revision) {
                revision.descriptors.clear();
            }
        }
        Ok(Response::new(snapshot))
    }

    async fn install(&self, request: Request<InstallRequest>) -> Result<Response<InstallResponse>, Status> {
        self.state.installs.lock().push(request.into_inner());
        self.state.install.lock().clone().map(Response::new)
    }

    async fn handle_event(
        &self,
        request: Request<HandleEventRequest>,
    ) -> Result<Response<HandleEventResponse>, Status> {
        self.state.events.lock().push(request.into_inner());
        self.state.event.lock().clone().map(Response::new)
    }

    async fn prove_callback(
        &self,
        request: Request<ProveCallbackRequest>,
    ) -> Result<Response<ProveCallbackResponse>, Status> {
        self.state.proved.lock().push(request.into_inner());
        if let Some(status) = self.state.no_verdict.lock().clone() {
            return Err(status);
        }
        let verdict = (*self.state.verdict.lock()).into();
        Ok(Response::new(ProveCallbackResponse {
            verdict,
            reason: "as told".into(),
        }))
    }

    async fn issue_token(&self, request: Request<IssueTokenRequest>) -> Result<Response<IssueTokenResponse>, Status> {
        self.state.issued.lock().push(request.into_inner());
        self.state.token.lock().clone().map(Response::new)
    }

    async fn recheck(&self, request: Request<RecheckRequest>) -> Result<Response<RecheckResponse>, Status> {
        self.state.rechecks.lock().push(request.into_inner());
        Ok(Response::new(RecheckResponse {}))
    }

    async fn list_activities(
        &self,
        _: Request<ListActivitiesRequest>,
    ) -> Result<Response<ListActivitiesResponse>, Status> {
        Err(Status::unimplemented("not asked by a gateway"))
    }

    async fn list_installations(
        &self,
        _: Request<ListInstallationsRequest>,
    ) -> Result<Response<ListInstallationsResponse>, Status> {
        Err(Status::unimplemented("not asked by a gateway"))
    }

    async fn reconcile(&self, _: Request<ReconcileRequest>) -> Result<Response<ReconcileResponse>, Status> {
        Err(Status::unimplemented("not asked by a gateway"))
    }
}
