//! Gateway, registrar and hasher beside an emulated portal.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Emulator, Process, emulator, free_ports, store::Store};

/// The app's name in the configuration.
pub const APP: &str = "demo";
/// Its id at the authorisation server.
pub const CLIENT_ID: &str = "local.5f1a2b3c4d5e6f.12345678";
/// Its secret.
pub const CLIENT_SECRET: &str = "secret-of-the-demo-app";

/// The token between the services.
pub const SERVICE_TOKEN: &str = "service-token-of-the-tests";
/// The token of people.
pub const OPERATOR_TOKEN: &str = "operator-token-of-the-tests";

/// How the services run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Three processes.
    Separate,
    /// `bizproc serve`.
    Serve,
    /// On PostgreSQL, without a gateway: [`Fleet`](crate::Fleet) starts some.
    Fleet,
}

/// The services, an emulator, their stores, and a folder with the configuration.
#[derive(Debug)]
pub struct Stack {
    /// The portal.
    pub emulator: Emulator,
    /// A plain HTTP client.
    pub http: reqwest::Client,
    /// Where gateway and registrar store.
    pub store: Store,
    folder: TempDir,
    ports: Ports,
    hasher: Option<Process>,
    registrar: Option<Process>,
    gateway: Option<Process>,
    serve: Option<Process>,
    variables: Vec<(String, String)>,
}

#[derive(Debug)]
struct Ports {
    hasher: u16,
    hasher_admin: u16,
    registrar: u16,
    registrar_admin: u16,
    gateway: u16,
    gateway_admin: u16,
    jobs: u16,
}

impl Stack {
    /// Starts everything; the app is not installed yet.
    pub async fn start(shape: Shape) -> anyhow::Result<Self> {
        Self::start_with(shape, Emulator::start().await?, "", &[]).await
    }

    /// The same with a given emulator, more configuration (TOML, tables) and variables for all processes. With `LOG` among
    /// them, the logs are kept ([`Stack::logs`]).
    pub async fn start_with(
        shape: Shape,
        emulator: Emulator,
        more: &str,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let ports = Ports::free()?;
        let mut stack = Self {
            emulator,
            http: emulator::http(),
            store: Store::new(folder.path(), shape == Shape::Fleet),
            folder,
            ports,
            hasher: None,
            registrar: None,
            gateway: None,
            serve: None,
            variables: variables
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
        };
        std::fs::write(stack.config(), stack.toml(more))?;
        if shape == Shape::Serve {
            stack.serve = Some(stack.spawn("bizproc", &["serve"], &[])?);
        } else {
            stack.start_hasher().await?;
            stack.start_registrar().await?;
        }
        if shape == Shape::Separate {
            stack.start_gateway()?;
        }
        let mut admins = vec![stack.ports.hasher_admin, stack.ports.registrar_admin];
        admins.extend((shape != Shape::Fleet).then_some(stack.ports.gateway_admin));
        for admin in admins {
            stack.ready(admin).await?;
        }
        Ok(stack)
    }

    /// Starts the hasher and waits until it is ready.
    pub async fn start_hasher(&mut self) -> anyhow::Result<()> {
        self.hasher = Some(self.spawn("hasher", &[], &[])?);
        self.ready(self.ports.hasher_admin).await
    }

    /// Starts the registrar and waits until it is ready.
    pub async fn start_registrar(&mut self) -> anyhow::Result<()> {
        self.registrar = Some(self.spawn("registrar", &[], &[])?);
        self.ready(self.ports.registrar_admin).await
    }

    /// Starts the gateway, without waiting.
    pub fn start_gateway(&mut self) -> anyhow::Result<()> {
        self.gateway = Some(self.spawn("gateway", &[], &[])?);
        Ok(())
    }

    /// Waits until the gateway is ready.
    pub async fn gateway_ready(&self) -> anyhow::Result<()> {
        self.ready(self.ports.gateway_admin).await
    }

    /// The process, to kill or to stop it.
    pub fn process(&mut self, name: &str) -> anyhow::Result<&mut Process> {
        let process = match name {
            "hasher" => self.hasher.as_mut(),
            "registrar" => self.registrar.as_mut(),
            "gateway" => self.gateway.as_mut(),
            _ => self.serve.as_mut(),
        };
        process.with_context(|| format!("{name} does not run"))
    }

    /// The app's row as the portal has it once a developer has added the app.
    pub fn app(&self) -> Value {
        self.app_of(APP, CLIENT_ID, CLIENT_SECRET)
    }

    /// The row of any app of the configuration.
    pub fn app_of(&self, app: &str, client_id: &str, client_secret: &str) -> Value {
        json!({
            "client_id": client_id,
            "client_secret": client_secret,
            "application_token": "51856fefc120afa4b628cc82d3935cce",
            "url": self.url_of(app, "page"),
            "install_url": self.url_of(app, "page"),
        })
    }

    /// Installs the app as an administrator does, finishes it if the page asks for that, and waits for the activities.
    /// Gives the page.
    pub async fn install(&self) -> anyhow::Result<String> {
        let page = self.install_on(&self.emulator, self.app()).await?;
        self.registered().await?;
        Ok(page)
    }

    /// Installs an app on a portal and finishes it if the page asks for that. Gives the page.
    pub async fn install_on(&self, portal: &Emulator, app: Value) -> anyhow::Result<String> {
        let installed = portal.post("apps", app).await?;
        finish(portal, &installed).await
    }

    /// Waits until the hasher's activities and its robot have been added to the portal.
    pub async fn registered(&self) -> anyhow::Result<()> {
        self.emulator.counted("calls:bizproc.activity.add", 2).await?;
        self.emulator.counted("calls:bizproc.robot.add", 1).await?;
        Ok(())
    }

    /// An address of the gateway for the app: `page`, `event`, `activity/REVISION`.
    pub fn url(&self, path: &str) -> String {
        self.url_of(APP, path)
    }

    /// The same for any app of the configuration.
    pub fn url_of(&self, app: &str, path: &str) -> String {
        format!("http://127.0.0.1:{}/bitrix/{app}/{path}", self.ports.gateway)
    }

    /// Where the gateway's Jobs service listens.
    pub fn jobs_uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.jobs)
    }

    /// Where the registrar listens.
    pub fn registrar_uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.registrar)
    }

    /// Where the hasher listens.
    pub fn hasher_uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.hasher)
    }

    /// The operator's token.
    pub fn operator_token(&self) -> &'static str {
        OPERATOR_TOKEN
    }

    /// What the three processes logged so far.
    pub fn logs(&self) -> anyhow::Result<String> {
        let read = |program| std::fs::read_to_string(self.log(program)).with_context(|| format!("log of {program}"));
        ["hasher", "registrar", "gateway"].into_iter().map(read).collect()
    }

    /// Stops the three processes, the gateway first.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        for name in ["gateway", "registrar", "hasher"] {
            self.process(name)?.terminate().await?;
        }
        Ok(())
    }

    /// The gateway's metrics.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        self.metrics_of("gateway").await
    }

    /// A service's metrics.
    pub async fn metrics_of(&self, service: &str) -> anyhow::Result<String> {
        let admin = match service {
            "hasher" => self.ports.hasher_admin,
            "registrar" => self.ports.registrar_admin,
            _ => self.ports.gateway_admin,
        };
        let url = format!("http://127.0.0.1:{admin}/metrics");
        Ok(self.http.get(url).send().await?.error_for_status()?.text().await?)
    }

    /// The folder with configuration and stores.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The port that portals post to.
    pub(crate) fn public_port(&self) -> u16 {
        self.ports.gateway
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("bizproc.toml")
    }

    /// Starts one of our programs with this configuration, and variables of its own.
    pub(crate) fn spawn(&self, program: &str, arguments: &[&str], own: &[(&str, &str)]) -> anyhow::Result<Process> {
        let config = self.config();
        let mut arguments = arguments.to_vec();
        arguments.extend(["--config", config.to_str().context("path")?]);
        let common = self.variables.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let variables: Vec<_> = common.chain(own.iter().copied()).collect();
        if variables.iter().any(|(key, _)| *key == "LOG") {
            return Process::start_logged(program, &arguments, &variables, &self.log(program));
        }
        Process::start_with(program, &arguments, &variables)
    }

    fn log(&self, program: &str) -> PathBuf {
        self.folder.path().join(format!("{program}.log"))
    }

    /// Asks until the admin port says ready; a service that never does fails the test.
    pub(crate) async fn ready(&self, admin: u16) -> anyhow::Result<()> {
        let url = format!("http://127.0.0.1:{admin}/ready");
        let ask = async {
            loop {
                if let Ok(response) = self.http.get(&url).send().await
                    && response.status().is_success()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), ask)
            .await
            .with_context(|| format!("{url} never said ready"))
    }

    fn toml(&self, more: &str) -> String {
        let (gateway_store, registrar_store) = (self.store.toml("gateway"), self.store.toml("registrar"));
        let oauth = &self.emulator.running.oauth_url;
        let Ports {
            hasher,
            hasher_admin,
            registrar,
            registrar_admin,
            gateway,
            gateway_admin,
            jobs,
        } = self.ports;
        format!(
            r#"
[hasher]
grpc.listen = "127.0.0.1:{hasher}"
admin.listen = "127.0.0.1:{hasher_admin}"

[registrar]
public_url = "http://127.0.0.1:{gateway}"
service_token = "{SERVICE_TOKEN}"
operator_token = "{OPERATOR_TOKEN}"
oauth_hosts = ["{oauth}"]
private_portals = ["127.0.0.0/8", "::1"]
grpc.listen = "127.0.0.1:{registrar}"
admin.listen = "127.0.0.1:{registrar_admin}"
{registrar_store}

[registrar.apps.{APP}]
client_id = "{CLIENT_ID}"
client_secret = "{CLIENT_SECRET}"

[registrar.executors.hasher]
uri = "http://127.0.0.1:{hasher}"
codes = ["md5", "digest*"]

[gateway]
private_portals = ["127.0.0.0/8", "::1"]
operator_token = "{OPERATOR_TOKEN}"
http.listen = "127.0.0.1:{gateway}"
grpc.listen = "127.0.0.1:{jobs}"
admin.listen = "127.0.0.1:{gateway_admin}"
registrar.uri = "http://127.0.0.1:{registrar}"
registrar.token = "{SERVICE_TOKEN}"
{gateway_store}

{more}
"#
        )
    }
}

/// Finishes an installation if the page of its frame asks for that, as a browser does with the page's script. Gives the page.
pub async fn finish(portal: &Emulator, installed: &Value) -> anyhow::Result<String> {
    let frame = &installed["frame"];
    anyhow::ensure!(frame["status"] == 200, "the page: {frame}");
    let page = frame["body"].as_str().context("a page")?;
    if page.contains("installFinish") {
        let client_id = installed["app"]["client_id"].as_str().unwrap_or(CLIENT_ID);
        portal.post(&format!("apps/{client_id}/finish"), Value::Null).await?;
    }
    Ok(page.to_owned())
}

impl Ports {
    fn free() -> anyhow::Result<Self> {
        let [
            hasher,
            hasher_admin,
            registrar,
            registrar_admin,
            gateway,
            gateway_admin,
            jobs,
        ] = free_ports()?;
        Ok(Self {
            hasher,
            hasher_admin,
            registrar,
            registrar_admin,
            gateway,
            gateway_admin,
            jobs,
        })
    }
}
