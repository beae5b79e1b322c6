//! A running registrar.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use harness::Running;
use proto::registrar::v1::{
    Auth, HandleEventRequest, HandleEventResponse, InstallRequest, InstallResponse, InstallationView,
    IssueTokenRequest, IssueTokenResponse, ListActivitiesRequest, ListActivitiesResponse, ListInstallationsRequest,
    ProveCallbackRequest, ProveCallbackResponse, ReconcileRequest, SyncRequest, SyncResponse,
    registrar_client::RegistrarClient,
};
use registrar::{App, AppName, Config, Descriptors, Executor, Sockets, Store};
use service::{
    Listen, ManualClock, Parts, Secret, Telemetry,
    grpc::{Connection, channel, with_token},
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tonic::{Request, Status, service::Interceptor as _, transport::Channel};

use crate::fake::{CLIENT_ID, CLIENT_SECRET, Fake, MEMBER};

/// Where requests come from.
pub(crate) const SOURCE: &str = "203.0.113.5";
pub(crate) const APPLICATION_TOKEN: &str = "application-token-secret";

/// A registrar with one app (`demo`) and one executor (`tools`) whose descriptors are a file.
pub(crate) struct Harness {
    pub(crate) fake: Fake,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: TempDir,
    pub(crate) config: Config,
    pub(crate) telemetry: Telemetry,
    running: Option<Registrar>,
}

struct Registrar {
    address: String,
    admin: String,
    running: Running,
}

/// A definition set: code, name in English and the input fields of each activity.
pub(crate) fn descriptors(activities: &[(&str, &str)]) -> Vec<u8> {
    let mut methods = String::new();
    for (index, (code, name)) in activities.iter().enumerate() {
        let kind = if code.starts_with("robot") {
            "robot_code"
        } else {
            "code"
        };
        let method = format!(
            "rpc M{index}(In) returns (Out) {{ option (bizproc.v1.activity) = \
             {{ {kind}: \"{code}\" name: {{ key: \"en\" value: \"{name}\" }} wait: WAIT_ALWAYS }}; }}\n"
        );
        methods.push_str(&method);
    }
    let source = format!(
        "syntax = \"proto3\"; package test.v1; import \"bizproc/v1/annotations.proto\";\n\
         message In {{ string text = 1; }} message Out {{ string value = 1; }}\nservice Tools {{ {methods} }}"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("test.proto"), source).unwrap();
    let contracts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let mut compiler = protox::Compiler::new([folder.path().to_owned(), contracts]).unwrap();
    compiler.include_imports(true).open_file("test.proto").unwrap();
    compiler.encode_file_descriptor_set()
}

pub(crate) fn sha256(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

impl Harness {
    /// With these activities.
    pub(crate) async fn start(activities: &[(&str, &str)]) -> Self {
        let mut harness = Self::prepare().await;
        harness.define(activities);
        harness.run().await;
        harness
    }

    /// Not running yet, without descriptors.
    pub(crate) async fn prepare() -> Self {
        let fake = Fake::start().await;
        let folder = tempfile::tempdir().unwrap();
        let app = App {
            client_id: CLIENT_ID.into(),
            client_secret: Secret::from(CLIENT_SECRET),
            executors: None,
            portals: BTreeMap::new(),
        };
        let executor = Executor {
            uri: "http://127.0.0.1:9".into(),
            descriptors: Descriptors::File(folder.path().join("tools.bin")),
            codes: vec!["*".parse().unwrap()],
        };
        let config = Config {
            public_url: Some("https://gateway.example".parse().unwrap()),
            service_token: Some(Secret::from("service-token")),
            operator_token: Some(Secret::from("operator-token")),
            oauth_hosts: vec![fake.url.clone()],
            private_portals: vec!["127.0.0.0/8".parse().unwrap()],
            grpc: registrar::Grpc {
                listen: Listen::local(),
            },
            admin: registrar::Admin {
                listen: Listen::local(),
            },
            store: Store {
                path: folder.path().join("registrar.db"),
                key: None,
                ..Store::default()
            },
            apps: BTreeMap::from([(AppName::try_from("demo".to_owned()).unwrap(), app)]),
            executors: BTreeMap::from([("tools".to_owned(), executor)]),
            ..Config::default()
        };
        let clock = ManualClock::new("2026-11-25T12:00:00Z".parse().unwrap());
        Self {
            fake,
            clock,
            folder,
            config,
            telemetry: Telemetry::off(),
            running: None,
        }
    }

    /// Writes the executor's descriptor file.
    pub(crate) fn define(&self, activities: &[(&str, &str)]) {
        self.write_descriptors(&descriptors(activities));
    }

    pub(crate) fn write_descriptors(&self, bytes: &[u8]) {
        // Whole at once, as a deployment does it.
        let fresh = self.folder.path().join("fresh.bin");
        std::fs::write(&fresh, bytes).unwrap();
        std::fs::rename(fresh, self.folder.path().join("tools.bin")).unwrap();
    }

    pub(crate) async fn run(&mut self) {
        let sockets = Sockets::bind(&self.config).await.unwrap();
        let address = format!("http://{}", sockets.grpc.local_addr().unwrap());
        let admin = format!("http://{}", sockets.admin.local_addr().unwrap());
        let parts = Parts {
            clock: self.clock.clone(),
            telemetry: self.telemetry.clone(),
            ..Parts::plain()
        };
        let config = self.config.clone();
        self.running = Some(Registrar {
            address,
            admin,
            running: Running::start(parts, |parts| registrar::run(config, sockets, parts)),
        });
    }

    /// Stops and drains.
    pub(crate) async fn stop(&mut self) {
        self.running.take().unwrap().running.stop().await;
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn admin(&self) -> &str {
        &self.running.as_ref().unwrap().admin
    }

    pub(crate) fn address(&self) -> &str {
        &self.running.as_ref().unwrap().address
    }

    pub(crate) fn channel(&self) -> Channel {
        channel(self.address(), &Connection::default()).unwrap()
    }

    /// The authorisation of a user's request, with a new pair of tokens.
    pub(crate) fn auth(&self, user: i64) -> Auth {
        let (access_token, refresh_token) = self.fake.world(|world| world.pair(user));
        Auth {
            access_token,
            refresh_token,
            member_id: MEMBER.into(),
            server_endpoint: self.fake.server_endpoint(),
            client_endpoint: "https://evil.example/rest/".into(),
            application_token: APPLICATION_TOKEN.into(),
            ..Auth::default()
        }
    }

    pub(crate) async fn install(&self, auth: Auth) -> InstallResponse {
        self.try_install(auth).await.unwrap()
    }

    pub(crate) async fn try_install(&self, auth: Auth) -> Result<InstallResponse, Status> {
        let request = InstallRequest {
            app: "demo".into(),
            auth: Some(auth),
            ..InstallRequest::default()
        };
        Ok(self.service().install(request).await?.into_inner())
    }

    /// The administrator 1 has installed and finished.
    pub(crate) async fn installed(&self) {
        self.fake.world(|world| world.installed = true);
        let response = self.install(self.auth(1)).await;
        assert_eq!(response.problem, "");
    }

    pub(crate) async fn issue(&self, rejected: Option<&str>) -> Result<IssueTokenResponse, Status> {
        let rejected_sha256 = rejected.map(sha256).unwrap_or_default();
        let request = IssueTokenRequest {
            app: "demo".into(),
            member_id: MEMBER.into(),
            rejected_sha256,
        };
        Ok(self.service().issue_token(request).await?.into_inner())
    }

    pub(crate) async fn event(
        &self,
        event: &str,
        id: &str,
        ts: i64,
        auth: Auth,
    ) -> Result<HandleEventResponse, Status> {
        let request = HandleEventRequest {
            app: "demo".into(),
            event_id: id.into(),
            event: event.into(),
            auth: Some(auth),
            ts,
            source: SOURCE.into(),
            ..HandleEventRequest::default()
        };
        Ok(self.service().handle_event(request).await?.into_inner())
    }

    pub(crate) async fn prove(&self, auth: Auth) -> Result<ProveCallbackResponse, Status> {
        let request = ProveCallbackRequest {
            app: "demo".into(),
            auth: Some(auth),
            source: SOURCE.into(),
        };
        Ok(self.service().prove_callback(request).await?.into_inner())
    }

    pub(crate) async fn sync(&self, version: &str, wait_ms: u32) -> SyncResponse {
        let request = SyncRequest {
            version: version.into(),
            known_revisions: Vec::new(),
            wait_ms,
        };
        self.service().sync(request).await.unwrap().into_inner()
    }

    /// Waits for the first snapshot that is so.
    pub(crate) async fn sync_until(&self, condition: impl Fn(&SyncResponse) -> bool) -> SyncResponse {
        let mut version = String::new();
        for _ in 0..100 {
            let snapshot = self.sync(&version, 10_000).await;
            if condition(&snapshot) {
                return snapshot;
            }
            version = snapshot.version;
        }
        panic!("the snapshot never was as expected");
    }

    /// Reads descriptors and reconciles, now.
    pub(crate) async fn reconcile(&self) -> InstallationView {
        let request = ReconcileRequest {
            app: "demo".into(),
            member_id: MEMBER.into(),
        };
        let mut response = self.operator().reconcile(request).await.unwrap().into_inner();
        response.installations.remove(0)
    }

    /// The OAuth server refuses the installation's token for as long as it takes.
    pub(crate) async fn lost(&self) -> InstallationView {
        self.reconcile().await;
        self.advance(self.config.lost_after.as_secs());
        self.reconcile().await
    }

    pub(crate) async fn view(&self) -> InstallationView {
        let request = ListInstallationsRequest::default();
        let mut response = self.operator().list_installations(request).await.unwrap().into_inner();
        response.installations.remove(0)
    }

    pub(crate) async fn activities(&self) -> ListActivitiesResponse {
        self.operator()
            .list_activities(ListActivitiesRequest::default())
            .await
            .unwrap()
            .into_inner()
    }

    pub(crate) fn service(&self) -> Client {
        self.client("service-token")
    }

    pub(crate) fn operator(&self) -> Client {
        self.client("operator-token")
    }

    pub(crate) fn client(&self, token: &str) -> Client {
        self.client_on(self.channel(), token)
    }

    #[expect(clippy::unused_self, reason = "reads as the others")]
    pub(crate) fn client_on(&self, channel: Channel, token: &str) -> Client {
        let mut with_token = with_token(&Secret::from(token)).unwrap();
        let interceptor: Interceptor = Box::new(move |request| with_token.call(request));
        RegistrarClient::with_interceptor(channel, interceptor)
    }
}

type Interceptor = Box<dyn FnMut(Request<()>) -> Result<Request<()>, Status> + Send>;
pub(crate) type Client = RegistrarClient<tonic::service::interceptor::InterceptedService<Channel, Interceptor>>;
