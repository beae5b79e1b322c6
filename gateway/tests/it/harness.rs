//! A running gateway and its surroundings.

use std::{fs::File, net::SocketAddr, path::PathBuf};

use gateway::{Config, Sockets};
use harness::{Running, until};
use proto::gateway::v1::{GetRequest, Job, ListRequest, State, jobs_client::JobsClient};
use reqwest::StatusCode;
use service::{Listen, Parts, SharedClock, SystemClock, Telemetry, telemetry::Spans};
use tempfile::TempDir;

use crate::{
    executor::FakeExecutor,
    portal::FakePortal,
    registrar::{APP, APPLICATION_TOKEN, FakeRegistrar, MEMBER, TOKEN},
};

pub(crate) const OPERATOR: &str = "operator-token";

/// Everything around a gateway.
pub(crate) struct World {
    pub(crate) registrar: FakeRegistrar,
    pub(crate) portal: FakePortal,
    pub(crate) executor: FakeExecutor,
    pub(crate) folder: TempDir,
    pub(crate) http: reqwest::Client,
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) spans: Spans,
    running: Running,
    lock: PathBuf,
}

impl World {
    pub(crate) async fn new() -> Self {
        let (portal, executor) = (FakePortal::start().await, FakeExecutor::start().await);
        let registrar = FakeRegistrar::start(&executor.uri, &portal.endpoint).await;
        let http = bitrix::rest::client_builder().build().unwrap();
        Self {
            registrar,
            portal,
            executor,
            folder: tempfile::tempdir().unwrap(),
            http,
        }
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config {
            operator_token: Some(OPERATOR.into()),
            ..Config::default()
        };
        config.registrar.uri = self.registrar.uri.parse().unwrap();
        config.registrar.token = Some(TOKEN.into());
        config.store.path = self.folder.path().join("gateway.db");
        config.private_portals = vec!["127.0.0.0/8".parse().unwrap()];
        config.http.listen = Listen::local();
        config.grpc.listen = Listen::local();
        config.admin.listen = Listen::local();
        config
    }

    pub(crate) async fn gateway(&self) -> Gateway {
        let gateway = Gateway::start(self.config()).await;
        gateway.ready(&self.http).await;
        gateway
    }

    pub(crate) async fn post(
        &self,
        gateway: &Gateway,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> (StatusCode, String) {
        let response = self
            .http
            .post(format!("http://{}{path}", gateway.http))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// Posts a callback where the portal would.
    pub(crate) async fn callback(&self, gateway: &Gateway, callback: &Callback) -> StatusCode {
        let path = format!("/bitrix/{APP}/activity/{}", self.registrar.revision);
        self.post(gateway, &path, callback.body()).await.0
    }
}

impl Gateway {
    pub(crate) async fn start(config: Config) -> Self {
        Self::start_with(config, SystemClock::shared()).await
    }

    pub(crate) async fn start_with(config: Config, clock: SharedClock) -> Self {
        let lock = config.store.path.with_added_extension("lock");
        let sockets = Sockets::bind(&config).await.unwrap();
        let address = |listener: &tokio::net::TcpListener| listener.local_addr().unwrap();
        let (http, grpc, admin) = (address(&sockets.http), address(&sockets.grpc), address(&sockets.admin));
        let (telemetry, spans) = Telemetry::capture();
        let parts = Parts {
            clock,
            telemetry,
            ..Parts::plain()
        };
        let running = Running::start(parts, |parts| gateway::run(config, sockets, parts));
        Self {
            http,
            grpc,
            admin,
            spans,
            running,
            lock,
        }
    }

    pub(crate) async fn ready(&self, http: &reqwest::Client) {
        let url = format!("http://{}/ready", self.admin);
        until(async || {
            http.get(&url)
                .send()
                .await
                .and_then(reqwest::Response::error_for_status)
        })
        .await;
    }

    /// The soft stop, with its drain.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }

    pub(crate) async fn kill(self) {
        self.running.kill().await;
        // A process would be gone now; its threads let go of the store in their own time.
        let lock = File::open(self.lock).unwrap();
        until(async || lock.try_lock()).await;
    }

    pub(crate) async fn jobs(&self, state: State) -> Vec<Job> {
        let request = ListRequest {
            state: state.into(),
            ..ListRequest::default()
        };
        self.client()
            .await
            .list(authorised(request))
            .await
            .unwrap()
            .into_inner()
            .jobs
    }

    pub(crate) async fn job(&self, id: &str) -> Job {
        let request = GetRequest { id: id.to_owned() };
        self.client()
            .await
            .get(authorised(request))
            .await
            .unwrap()
            .into_inner()
            .job
            .unwrap()
    }

    /// Waits until the only job is in this state.
    pub(crate) async fn the_job(&self, state: State) -> Job {
        let ask = async || match <[Job; 1]>::try_from(self.jobs(State::Unspecified).await) {
            Ok([job]) if job.state() == state => Ok(job),
            Ok([job]) => Err(vec![job]),
            Err(jobs) => Err(jobs),
        };
        until(ask).await
    }

    pub(crate) async fn client(&self) -> JobsClient<tonic::transport::Channel> {
        JobsClient::connect(format!("http://{}", self.grpc)).await.unwrap()
    }

    pub(crate) async fn metrics(&self, http: &reqwest::Client) -> String {
        http.get(format!("http://{}/metrics", self.admin))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }
}

pub(crate) fn authorised<T>(message: T) -> tonic::Request<T> {
    harness::authorised(OPERATOR, message)
}

/// A callback, as today's portals send it.
#[derive(Clone)]
pub(crate) struct Callback {
    pub(crate) fields: Vec<(String, String)>,
}

impl Callback {
    pub(crate) fn new(text: &str) -> Self {
        Self::numbered(1, text)
    }

    /// Callbacks with different numbers are different events.
    pub(crate) fn numbered(number: u32, text: &str) -> Self {
        let workflow = format!("65808f8311b{number:03x}.28237158");
        let token = format!("{workflow}|A51601_82584_96831_81132|hsyUws1j4XiwqPqN45eH66CcQtEv{number:04}.47dd5d88");
        let fields = [
            ("workflow_id", workflow.as_str()),
            ("code", "md5"),
            ("document_id[0]", "crm"),
            ("document_id[1]", "CCrmDocumentDeal"),
            ("document_id[2]", "DEAL_77"),
            ("document_type[0]", "crm"),
            ("document_type[1]", "CCrmDocumentDeal"),
            ("document_type[2]", "DEAL"),
            ("event_token", &token),
            ("properties[inputString]", text),
            ("use_subscription", "Y"),
            ("timeout_duration", "0"),
            ("auth[access_token]", "callback-access-token"),
            ("auth[refresh_token]", "callback-refresh-token"),
            ("auth[member_id]", MEMBER),
            ("auth[domain]", "portal.example"),
            ("auth[user_id]", "5"),
            ("auth[application_token]", APPLICATION_TOKEN),
        ];
        Self {
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        &self.fields.iter().find(|(known, _)| known == name).unwrap().1
    }

    pub(crate) fn body(&self) -> String {
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        self.fields
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect::<Vec<_>>()
            .join("&")
    }
}
