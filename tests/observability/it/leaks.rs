//! A full run at the most talkative log level, with every span exported: no secret is in a log, a span or a metric.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Context as _;
use observability::Collector;
use proto::registrar::v1::InstallationState;
use reqwest::Url;
use serde_json::{Value, json};
use tests::{CLIENT_ID, CLIENT_SECRET, Emulator, OPERATOR_TOKEN, SERVICE_TOKEN, Shape, Stack, jobs};

const ROOTS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/vault"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto"),
];
/// Ours tell all, the libraries much.
const LOG: &str =
    "debug,gateway=trace,registrar=trace,hasher=trace,service=trace,bitrix=trace,activity=trace,store=trace";
/// Of a workflow's own data.
const TEXT: &str = "text-that-is-the-customers";
const SENSITIVE: &str = "sensitive-text-for-the-vault";
const PIN: &str = "sensitive-number-that-is-none";
/// Of posts by strangers.
const FORGED: [&str; 4] = [
    "forged-access-token",
    "forged-refresh-token",
    "forged-application-token",
    "forged-event-token",
];
const STRANGER: &str = "bearer-of-a-stranger";
/// Digits in a row that only a token, a key or a signature has: ids have 32 at most.
const DIGITS: usize = 48;

/// Every secret of the run, by what it is.
#[derive(Default)]
struct Secrets(BTreeMap<String, String>);

impl Secrets {
    fn add(&mut self, name: impl Into<String>, secret: impl Into<String>) {
        let (name, secret) = (name.into(), secret.into());
        assert!(secret.len() >= 16, "{name} is too short to be looked for: {secret:?}");
        self.0.insert(name, secret);
    }

    /// Those of a form that went over the wire.
    fn add_form(&mut self, name: &str, body: &str) -> anyhow::Result<()> {
        const FIELDS: [&str; 6] = [
            "event_token",
            "auth[access_token]",
            "auth[refresh_token]",
            "auth[application_token]",
            "AUTH_ID",
            "REFRESH_ID",
        ];
        // A query is a form.
        for (key, value) in Url::parse(&format!("http://form/?{body}"))?.query_pairs() {
            if FIELDS.contains(&&*key) && !value.is_empty() {
                self.add(format!("{key} of {name}"), value);
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_in_a_log_a_span_or_a_metric() -> anyhow::Result<()> {
    let collector = Collector::start().await?;
    let folder = tempfile::tempdir()?;
    let vault = vault(folder.path())?;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("LOG", LOG),
    ];
    let mut stack = Stack::start_with(Shape::Separate, Emulator::start().await?, &vault, &variables).await?;
    let mut secrets = Secrets::default();
    run(&stack, &mut secrets).await?;

    let mut metrics = String::new();
    for service in ["hasher", "registrar", "gateway"] {
        metrics.push_str(&stack.metrics_of(service).await?);
    }
    stack.terminate().await?;
    for post in stack.emulator.get("posts").await?.as_array().into_iter().flatten() {
        secrets.add_form(
            &format!("post {}", post["number"]),
            post["body"].as_str().unwrap_or_default(),
        )?;
    }
    for store in ["gateway", "registrar"] {
        let key = std::fs::read_to_string(stack.folder().join(format!("{store}.db.key")))?;
        secrets.add(format!("the key of {store}'s store"), key.trim());
    }
    let logs = stack.logs()?;
    the_run_was_seen(&logs, &metrics, &collector);
    assert_eq!(
        exported(&metrics),
        documented(),
        "deploy/metrics.md tells what there is"
    );
    for (name, secret) in &secrets.0 {
        for line in logs.lines().chain(metrics.lines()) {
            assert!(!line.contains(secret), "{name} is in: {line}");
        }
        assert!(!collector.contains(secret), "{name} is in a span");
    }
    for line in logs.lines().chain(metrics.lines()) {
        assert!(
            digits_in_a_row(line.as_bytes()) < DIGITS,
            "a token's digits are in: {line}"
        );
    }
    collector.each(|body| assert!(digits_in_a_row(body) < DIGITS, "a token's digits are in a span"));
    Ok(())
}

/// The whole life of an app: installed, opened, called back, refused, proved, refreshed, failed, uninstalled.
async fn run(stack: &Stack, secrets: &mut Secrets) -> anyhow::Result<()> {
    let emulator = &stack.emulator;
    secrets.add("the client's secret", CLIENT_SECRET);
    secrets.add("the service token", SERVICE_TOKEN);
    secrets.add("the operator token", OPERATOR_TOKEN);
    secrets.add(
        "the application token",
        stack.app()["application_token"].as_str().unwrap_or_default(),
    );
    for (name, value) in [
        ("a text", TEXT),
        ("a sensitive text", SENSITIVE),
        ("a sensitive number", PIN),
        ("a wrong bearer", STRANGER),
    ] {
        secrets.add(name, value);
    }
    for forged in FORGED {
        secrets.add(forged, forged);
    }
    stack.install().await?;
    emulator.counted("calls:bizproc.activity.add", 3).await?;
    opened(stack, secrets).await?;

    let done = |step: Value| async move {
        let workflow = emulator.workflow(json!([step])).await?;
        emulator.finished(&workflow).await
    };
    done(json!({"code": "md5", "properties": {"inputString": TEXT}})).await?;
    emulator.post(&format!("apps/{CLIENT_ID}/expire"), json!({})).await?;
    let faults = emulator.running.control_url.clone() + "/control/oauth/faults";
    let fault = json!({"method": "/oauth/token/", "times": 1, "status": 502, "body": "<html>Bad gateway</html>"});
    stack.http.post(faults).json(&fault).send().await?.error_for_status()?;
    done(json!({"code": "md5", "properties": {"inputString": TEXT}})).await?;
    // A business error of the executor, one of the mapping, and an executor that is not there.
    done(json!({"code": "digest", "properties": {"input": null}})).await?;
    let refused = done(json!({"code": "vault.put", "properties": {"secret": SENSITIVE, "pin": PIN}})).await?;
    anyhow::ensure!(
        !refused.to_string().contains(PIN),
        "the workflow's log tells the number: {refused}"
    );
    let waiting = emulator
        .workflow(json!([{"code": "vault.put", "properties": {"secret": SENSITIVE}}]))
        .await?;
    while jobs(stack, &waiting).await?.first().is_none_or(|job| job.attempts < 2) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let refusal = json!({"method": "bizproc.event.send", "times": 1, "status": 403, "body": {"error": "ACCESS_DENIED", "error_description": "Access denied!"}});
    emulator.post("faults", refusal).await?;
    emulator
        .workflow(json!([{"code": "md5", "properties": {"inputString": TEXT}}]))
        .await?;
    emulator.counted("calls:bizproc.event.send", 5).await?;

    strangers(stack).await?;
    emulator
        .send("DELETE", &format!("apps/{CLIENT_ID}?clean=1"), None)
        .await?;
    emulator.counted("events_acknowledged", 1).await?;
    stack.installation_in(InstallationState::Uninstalled).await?;
    Ok(())
}

/// The app's page, as a browser posts it, with tokens that the test knows: once right, once not UTF-8.
async fn opened(stack: &Stack, secrets: &mut Secrets) -> anyhow::Result<()> {
    let pair = stack
        .emulator
        .post("tokens", json!({"client_id": CLIENT_ID, "user": 1}))
        .await?;
    let token = |key: &str| pair[key].as_str().context("a token");
    let (access, refresh) = (token("access_token")?, token("refresh_token")?);
    let portal = stack.emulator.portal();
    let form = format!(
        "AUTH_ID={access}&AUTH_EXPIRES=3600&REFRESH_ID={refresh}&member_id={}&status=L&PLACEMENT=DEFAULT",
        portal.member_id
    );
    secrets.add_form("the page", &form)?;
    let url = format!(
        "{}?DOMAIN={}&PROTOCOL=0&LANG=en&APP_SID=x",
        stack.url("page"),
        portal.domain
    );
    assert_eq!(post(stack, &url, form.clone()).await?, 200);
    assert_eq!(
        post(stack, &url, form.replace("PLACEMENT=DEFAULT", "PLACEMENT=%FF")).await?,
        400
    );
    Ok(())
}

/// Posts that are not proved, and calls with the wrong token.
async fn strangers(stack: &Stack) -> anyhow::Result<()> {
    let posts = stack.emulator.get("posts?kind=activity").await?;
    let body = posts[0]["body"].as_str().context("a callback")?;
    let url = posts[0]["url"].as_str().context("a handler")?;
    let [access, refresh, application, event] = FORGED;
    let pairs = body.split('&').map(|pair| {
        let (key, _) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "auth%5Baccess_token%5D" => format!("{key}={access}"),
            "auth%5Brefresh_token%5D" => format!("{key}={refresh}"),
            "auth%5Bapplication_token%5D" => format!("{key}={application}"),
            "event_token" => format!("{key}={event}"),
            _ => pair.to_owned(),
        }
    });
    let forged = pairs.collect::<Vec<_>>().join("&");
    anyhow::ensure!(FORGED.iter().all(|secret| forged.contains(secret)), "{forged}");
    assert_eq!(post(stack, url, forged.clone()).await?, 200);
    assert_eq!(post(stack, url, forged.replace("code=md5", "code=%FF")).await?, 400);
    // Its own token proves the third.
    let proved = body
        .split('&')
        .filter(|pair| !pair.starts_with("auth%5Bapplication_token"))
        .collect::<Vec<_>>()
        .join("&");
    assert_eq!(
        post(stack, url, proved.replace("event_token=", "event_token=0")).await?,
        200
    );
    for metric in [
        "gateway_dropped_total{reason=\"disproved\"} 1",
        "gateway_quarantined_total{reason=",
    ] {
        while !stack.metrics().await?.contains(metric) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    let mut request = tonic::Request::new(proto::registrar::v1::SyncRequest::default());
    request
        .metadata_mut()
        .insert("authorization", format!("Bearer {STRANGER}").parse()?);
    let channel = tonic::transport::Channel::from_shared(stack.registrar_uri())?
        .connect()
        .await?;
    let refused = proto::registrar::v1::registrar_client::RegistrarClient::new(channel)
        .sync(request)
        .await;
    assert_eq!(
        refused.map_err(|status| status.code()).err(),
        Some(tonic::Code::Unauthenticated)
    );
    Ok(())
}

async fn post(stack: &Stack, url: &str, form: String) -> anyhow::Result<u16> {
    let request = stack
        .http
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    Ok(request.send().await?.status().as_u16())
}

/// The configuration of an executor with sensitive properties, whose server is not there.
fn vault(folder: &Path) -> anyhow::Result<String> {
    let mut compiler = protox::Compiler::new(ROOTS)?;
    compiler.include_imports(true).open_file("vault/v1/vault.proto")?;
    let descriptors = folder.join("vault.bin");
    std::fs::write(&descriptors, compiler.encode_file_descriptor_set())?;
    Ok(format!(
        "[registrar.executors.vault]\nuri = 'http://127.0.0.1:1'\ndescriptors = '{}'\ncodes = ['vault.*']\n",
        descriptors.display()
    ))
}

/// The run did what it is about, and was told: else there would be nothing to find.
fn the_run_was_seen(logs: &str, metrics: &str, collector: &Collector) {
    for text in [
        "callback quarantined",
        "quarantined job dropped",
        "token refreshed",
        "call failed, will be tried again",
        "parked: a person has to look",
        "event taken",
        "work on the job ended",
        "\"level\":\"DEBUG\",\"fields\":{\"message\":\"starting new connection",
    ] {
        assert!(logs.contains(text), "no {text:?} in the logs");
    }
    for text in [
        "hasher.v1.Hasher/Md5",
        "registrar.v1.Registrar/ProveCallback",
        "registrar.v1.Registrar/HandleEvent",
        "registrar.v1.Registrar/Install",
        "bizproc.event.send",
        "oauth.token",
        "the executor can't be reached",
    ] {
        assert!(collector.contains(text), "no {text:?} in the spans");
    }
    for text in [
        "gateway_calls_total{app=\"demo\",activity=\"md5\",result=\"OK\"}",
        "gateway_calls_total{app=\"demo\",activity=\"digest\",result=\"INVALID_ARGUMENT\"}",
        "gateway_calls_total{app=\"demo\",activity=\"vault.put\",result=\"UNREACHABLE\"}",
        "registrar_token_refreshes_total{result=\"ok\"}",
        "telemetry_spans_exported_total",
    ] {
        assert!(metrics.contains(text), "no {text:?} in the metrics");
    }
}

/// Names and types of the metrics.
fn exported(metrics: &str) -> BTreeSet<(&str, &str)> {
    metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect()
}

/// The same, as people can read them.
fn documented() -> BTreeSet<(&'static str, &'static str)> {
    let rows = include_str!("../../../deploy/metrics.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        Some((name, rest.split_once(" |")?.0))
    })
    .collect()
}

/// The longest run of hexadecimal digits.
fn digits_in_a_row(bytes: &[u8]) -> usize {
    bytes
        .split(|byte| !byte.is_ascii_hexdigit())
        .map(<[u8]>::len)
        .max()
        .unwrap_or_default()
}
