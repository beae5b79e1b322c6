//! Our services, separate processes as in production: hasher, registrar and gateway on SQLite, all traced.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::time::sleep;
use url::{Url, form_urlencoded};

use super::{Running, probe};
use crate::{
    options::Options,
    portal::{self, CLIENT_ID, CLIENT_SECRET},
    process::Process,
    sink::Sink,
};

/// The app of the configuration.
pub(crate) const APP: &str = "demo";
/// For a portal that has no bucket.
pub(crate) const UNLIMITED: &str = "limits.portal_per_second = 0\n";
/// 10 s in pauses.
const TRIES: u32 = 200;

/// The addresses of the three.
struct Addresses {
    http: SocketAddr,
    jobs: SocketAddr,
    registrar: SocketAddr,
    hasher: SocketAddr,
    admins: [SocketAddr; 3],
}

/// The three programs, and where callbacks go.
pub(crate) struct Services {
    pub(crate) processes: Vec<Process>,
    pub(crate) http: SocketAddr,
}

pub(super) async fn start(options: &Options, sink: &Sink, folder: &Path) -> Result<Running> {
    let Services { processes, http } = services(
        options,
        &format!("http://{}", sink.oauth_address),
        UNLIMITED,
        |name| tracing(name, sink, options),
        folder,
    )
    .await?;
    install(http, sink).await?;
    let path = handler_path(sink, &processes).await?;
    Ok(Running {
        processes,
        target: http,
        path,
        traced: true,
    })
}

/// Starts the three, with more lines for the gateway's part of the configuration.
pub(crate) async fn services(
    options: &Options,
    oauth: &str,
    more: &str,
    variables: impl Fn(&str) -> Vec<(String, String)>,
    folder: &Path,
) -> Result<Services> {
    let addresses = Addresses::free().await?;
    let file = folder.join("services.toml");
    fs::write(&file, configuration(&addresses, oauth, more)).context("writing the services' configuration")?;
    let config = file.to_string_lossy();
    let arguments = ["--config", &*config];
    let mut processes = Vec::new();
    let plan = [
        ("hasher", options.other_core),
        ("registrar", options.other_core),
        ("gateway", options.core),
    ];
    for ((name, core), admin) in plan.into_iter().zip(addresses.admins) {
        let program = options.binaries.join(name);
        let mut process = Process::start(name, core, folder, &program, &arguments, &variables(name))?;
        probe::ready(&mut process, admin, Some("/ready")).await?;
        processes.push(process);
    }
    Ok(Services {
        processes,
        http: addresses.http,
    })
}

/// Starts another hasher at that address.
pub(crate) async fn another_hasher(options: &Options, address: SocketAddr, folder: &Path) -> Result<Process> {
    let admin = probe::free_address().await?;
    let file = folder.join("another.toml");
    let configuration = format!("[hasher]\ngrpc.listen = \"{address}\"\nadmin.listen = \"{admin}\"\n");
    fs::write(&file, configuration).context("writing another hasher's configuration")?;
    let program = options.binaries.join("hasher");
    let arguments = ["--config", &*file.to_string_lossy()];
    let mut process = Process::start("another hasher", options.other_core, folder, &program, &arguments, &[])?;
    probe::ready(&mut process, admin, Some("/ready")).await?;
    Ok(process)
}

impl Addresses {
    async fn free() -> Result<Self> {
        Ok(Self {
            http: probe::free_address().await?,
            jobs: probe::free_address().await?,
            registrar: probe::free_address().await?,
            hasher: probe::free_address().await?,
            admins: [
                probe::free_address().await?,
                probe::free_address().await?,
                probe::free_address().await?,
            ],
        })
    }
}

fn configuration(addresses: &Addresses, oauth: &str, more: &str) -> String {
    let Addresses {
        http,
        jobs,
        registrar,
        hasher,
        admins: [hasher_admin, registrar_admin, gateway_admin],
    } = addresses;
    format!(
        r#"
[hasher]
grpc.listen = "{hasher}"
admin.listen = "{hasher_admin}"

[registrar]
public_url = "http://{http}"
grpc.listen = "{registrar}"
admin.listen = "{registrar_admin}"
oauth_hosts = ["{oauth}"]
private_portals = ["127.0.0.0/8"]
service_token = "bench-service-token"
operator_token = "bench-operator-token"
store.path = "registrar.db"
store.key = "0000000000000000000000000000000000000000000000000000000000000001"

[registrar.apps.{APP}]
client_id = "{CLIENT_ID}"
client_secret = "{CLIENT_SECRET}"

[registrar.executors.hasher]
uri = "http://{hasher}"
descriptors = "reflection"
codes = ["md5", "digest*"]

[gateway]
private_portals = ["127.0.0.0/8"]
http.listen = "{http}"
grpc.listen = "{jobs}"
admin.listen = "{gateway_admin}"
registrar.uri = "http://{registrar}"
registrar.token = "bench-service-token"
operator_token = "bench-operator-token"
store.path = "gateway.db"
store.key = "0000000000000000000000000000000000000000000000000000000000000002"
{more}
"#
    )
}

/// The standard variables; the delay is shorter than the default 5 s so that a run ends soon after its last span.
fn tracing(name: &str, sink: &Sink, options: &Options) -> Vec<(String, String)> {
    let variables = [
        ("OTEL_SERVICE_NAME", name.to_owned()),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("http://{}", sink.collector_address),
        ),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio".to_owned()),
        ("OTEL_TRACES_SAMPLER_ARG", options.sampling.to_string()),
        ("OTEL_BSP_SCHEDULE_DELAY", "1000".to_owned()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).into()
}

/// What an administrator's browser posts when the app is opened for the first time.
async fn install(gateway: SocketAddr, sink: &Sink) -> Result<()> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(portal::frame(sink.oauth_address))
        .finish();
    let request = format!(
        "POST /bitrix/{APP}/page?DOMAIN={}&PROTOCOL=0&LANG=en&APP_SID=5b3f HTTP/1.1\r\nHost: {gateway}\r\n\
         Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        sink.portal_address,
        body.len()
    );
    let response = probe::exchange(gateway, &request)
        .await
        .context("installing the app by the gateway's page")?;
    if !response.starts_with("HTTP/1.1 200 ") {
        bail!("the gateway's page did not install the app: {response}");
    }
    Ok(())
}

/// The path of md5's HANDLER, which the registrar registered at the portal.
async fn handler_path(sink: &Sink, processes: &[Process]) -> Result<String> {
    for _ in 0..TRIES {
        if let Some(handler) = sink.portal.handler("md5") {
            return Ok(Url::parse(&handler)
                .context("the HANDLER that was registered")?
                .path()
                .to_owned());
        }
        sleep(Duration::from_millis(50)).await;
    }
    let said: Vec<String> = processes
        .iter()
        .map(|process| format!("{}: {}", process.name, process.said()))
        .collect();
    bail!("md5 was not registered within 10 s; {}", said.join("\n"))
}
