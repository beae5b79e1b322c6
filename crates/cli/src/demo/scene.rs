//! What happens in the demo: services and portal start, the app is installed, a workflow runs.

use std::time::Duration;

use anyhow::Context as _;
use bitrix::form;
use portal::{NewPortal, Options};
use proto::gateway::v1::{Job, ListRequest, State};
use serde_json::{Value, json};
use service::config;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::control::Control;
use crate::{decode, embedded::Embedded, jobs};

/// The lesson's text.
const TEXT: &str = "Тестовый текст: Тест событий для поста в ЖЛ";
const CLIENT_ID: &str = "local.5f1a2b3c4d5e6f.12345678";
const CLIENT_SECRET: &str = "secret-of-the-demo";

/// What the demo shows.
pub(super) struct Story {
    /// The activity as the portal stored it.
    pub(super) definition: Value,
    /// What the portal posted when the workflow reached the activity, secrets masked.
    pub(super) callback: Value,
    /// What the gateway sent with `bizproc.event.send`.
    pub(super) answer: Value,
    /// The workflow, over.
    pub(super) workflow: Value,
    /// The gateway's job.
    pub(super) job: Job,
}

impl Story {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "definition": self.definition,
            "callback": self.callback,
            "answer": self.answer,
            "log": self.workflow["log"],
            "values": self.values(),
            "trace_id": self.job.trace_id,
        })
    }

    /// The activity's returned values.
    pub(super) fn values(&self) -> &Value {
        &self.workflow["values"][STEP]
    }
}

/// The activity's name in the workflow's template.
const STEP: &str = "A1";

/// Plays it. Everything it wrote is gone afterwards.
pub(super) fn play() -> anyhow::Result<Story> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let main = NewPortal {
            member_id: "a223c6b3710f85df22e9377d6c4f7553".into(),
            ..NewPortal::default()
        };
        let portal = portal::start(Options {
            portals: vec![main],
            ..Options::default()
        })
        .await?;
        let token = service::Secret::from(format!("{:032x}", rand::random::<u128>()));
        let (services, addresses) = start_services(&folder, &portal.oauth_url, token.expose()).await?;
        let story = perform(&Control::new(&portal.control_url)?, &addresses, token.expose()).await;
        let stopped = tokio::task::spawn_blocking(|| services.stop()).await?;
        portal.stop().await;
        let story = story?;
        stopped.map(|()| story)
    })
}

struct Addresses {
    http: String,
    jobs: String,
}

/// Starts the services on free ports. Registrar and gateway need each other's address, so each binds before either runs.
async fn start_services(folder: &TempDir, oauth: &str, token: &str) -> anyhow::Result<(Embedded, Addresses)> {
    let mut services = Embedded::default();
    let none = std::iter::empty::<(String, String)>;

    let hasher: hasher::Config = config::parse(
        "[hasher]\ngrpc.listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'",
        none(),
    )?;
    let (send, bound) = oneshot::channel();
    services.start(hasher::NAME, async |parts| {
        let sockets = hasher::Sockets::bind(&hasher).await?;
        let _gone = send.send(sockets.grpc.local_addr()?);
        hasher::run(hasher, sockets, parts).await
    })?;
    let hasher = bound.await.context("the hasher did not start")?;

    let path = folder.path().display();
    let registrar = format!(
        "[registrar]\nservice_token = '{token}'\noperator_token = '{token}'\nstore.path = '{path}/registrar.db'\n\
         grpc.listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'\noauth_hosts = ['{oauth}']\n\
         private_portals = ['127.0.0.0/8', '::1']\n\
         apps.demo.client_id = '{CLIENT_ID}'\napps.demo.client_secret = '{CLIENT_SECRET}'\n\
         executors.hasher.uri = 'http://{hasher}'\nexecutors.hasher.codes = ['md5', 'digest*']"
    );
    let (send, bound) = oneshot::channel();
    let (found_gateway, gateway_found) = oneshot::channel::<String>();
    services.start(registrar::NAME, async move |parts| {
        let with = |public_url: &str| config::parse(&format!("{registrar}\npublic_url = '{public_url}'"), none());
        let sockets = registrar::Sockets::bind(&with("http://not.known.yet")?).await?;
        let _gone = send.send(sockets.grpc.local_addr()?);
        let gateway = gateway_found.await.context("the gateway did not start")?;
        registrar::run(with(&gateway)?, sockets, parts).await
    })?;
    let registrar = bound.await.context("the registrar did not start")?;

    let gateway: gateway::Config = config::parse(
        &format!(
            "[gateway]\noperator_token = '{token}'\nregistrar.token = '{token}'\nstore.path = '{path}/gateway.db'\n\
             private_portals = ['127.0.0.0/8', '::1']\n\
             http.listen = '127.0.0.1:0'\ngrpc.listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'\n\
             registrar.uri = 'http://{registrar}'"
        ),
        none(),
    )?;
    let (send, bound) = oneshot::channel();
    services.start(gateway::NAME, async |parts| {
        let sockets = gateway::Sockets::bind(&gateway).await?;
        let _gone = send.send((sockets.http.local_addr()?, sockets.grpc.local_addr()?));
        gateway::run(gateway, sockets, parts).await
    })?;
    let (http, jobs) = bound.await.context("the gateway did not start")?;
    let _gone = found_gateway.send(format!("http://{http}"));
    Ok((
        services,
        Addresses {
            http: format!("http://{http}"),
            jobs: format!("http://{jobs}"),
        },
    ))
}

async fn perform(portal: &Control, addresses: &Addresses, token: &str) -> anyhow::Result<Story> {
    let page = format!("{}/bitrix/demo/page", addresses.http);
    let app = json!({
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "application_token": "51856fefc120afa4b628cc82d3935cce",
        "name": "Demo", "url": page, "install_url": page,
    });
    portal.post("apps", &app).await?;
    portal.post(&format!("apps/{CLIENT_ID}/finish"), &Value::Null).await?;
    portal.get("wait?counter=calls:bizproc.activity.add&at_least=1").await?;
    let definition = definition(portal).await?;

    let steps = json!([{"name": STEP, "code": "md5", "timeout": 600}]);
    let started = portal
        .post("workflows", &json!({"steps": steps, "fields": {"NAME": TEXT}}))
        .await?;
    let id = started["id"].as_str().context("the portal started no workflow")?;
    let workflow = portal.get(&format!("wait?workflow={id}")).await?;
    let answers = portal.get("calls?method=bizproc.event.send").await?;
    Ok(Story {
        definition,
        callback: callback(portal).await?,
        answer: answer(&answers),
        workflow,
        job: job(&addresses.jobs, token, id).await?,
    })
}

async fn definition(portal: &Control) -> anyhow::Result<Value> {
    let stored = portal.get("activities").await?;
    let md5 = stored
        .as_array()
        .into_iter()
        .flatten()
        .find(|activity| activity["CODE"] == "md5");
    md5.cloned().context("the portal has no activity `md5`")
}

/// The portal's POST, decoded as PHP would.
async fn callback(portal: &Control) -> anyhow::Result<Value> {
    let posts = portal.get("posts?kind=activity").await?;
    let body = posts[0]["body"].as_str().context("the portal posted no callback")?;
    decode::typed_json(body.as_bytes(), &form::Limits::default())
}

fn answer(calls: &Value) -> Value {
    let mut answer = calls[0]["params"].clone();
    for (key, value) in answer.as_object_mut().into_iter().flatten() {
        if key.eq_ignore_ascii_case("event_token") {
            *value = decode::MASK.into();
        }
    }
    answer
}

/// The workflow's job, once the gateway has noted that its answer was sent: that is written lazily.
async fn job(uri: &str, token: &str, workflow_id: &str) -> anyhow::Result<Job> {
    let request = ListRequest {
        workflow_id: workflow_id.into(),
        ..ListRequest::default()
    };
    let mut client = jobs::Client::new(uri, token)?;
    loop {
        let job = client
            .list(request.clone())
            .await?
            .jobs
            .pop()
            .context("the gateway has no job of this workflow")?;
        if job.state() != State::Accepted {
            return Ok(job);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
