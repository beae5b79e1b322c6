//! What the trouble of one portal or of one executor costs others, and how much goes through a narrow portal: the gateway beside
//! the emulator.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use portal::{NewPortal, Running};
use serde_json::{Value, json};

use crate::{
    clock,
    options::{Experiment, Options},
    portal::{CLIENT_ID, CLIENT_SECRET},
    process::Process,
    systems::{self, APP},
};

/// Answers due at the slow portal, jobs that wait for the executor that is away.
const DUE: u64 = 100_000;
/// Workflows that are measured before and beside those jobs.
const MEASURED: u64 = 5000;
/// Another name for what the hasher does, so that it can be away and another one be there.
const AWAY: &str = "package hasher.v1; import \"bizproc/v1/annotations.proto\"; \
    message Text { string input_string = 1 [(bizproc.v1.property) = { name: { key: \"en\" value: \"Text\" } }]; } \
    message Md5 { string output_string = 1 [(bizproc.v1.property) = { name: { key: \"en\" value: \"MD5\" } }]; } \
    service Hasher { rpc Md5(Text) returns (hasher.v1.Md5) { option (bizproc.v1.activity) = { code: \"away\" \
    name: { key: \"en\" value: \"Away\" } wait: WAIT_ALWAYS }; } }";
/// Workflows of the other one.
const OTHERS: u64 = 20;
/// What the slow portal takes for a request, milliseconds.
const SLOW_MS: u64 = 2000;
/// Answers to the portal with the limit.
const LIMITED: u64 = 2000;
/// What it takes to resume a workflow, milliseconds.
const RESUME_MS: u64 = 50;
/// How long an executor has been back when its first jobs are counted.
const TENTH: Duration = Duration::from_millis(100);
/// A refusal later than this, microseconds after the first call, should not be.
const SETTLED: i64 = 10_000_000;

/// Runs it and says what was found, as text or as JSON.
pub(crate) async fn run(experiment: Experiment, options: &Options) -> Result<String> {
    let folder = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(&options.data)
        .context("a folder for the run")?;
    let stage = Stage::start(experiment, options, folder.path()).await?;
    let (found, text) = match experiment {
        Experiment::Fairness => fairness(&stage, options.answers.unwrap_or(DUE)).await?,
        Experiment::Executor => executor(&stage, options, folder.path(), options.answers.unwrap_or(DUE)).await?,
        Experiment::Limiter => limiter(&stage, options.answers.unwrap_or(LIMITED)).await?,
    };
    Ok(if options.json { found.to_string() } else { text })
}

/// Portals `main` and `other` with the app installed, and our services.
struct Stage {
    emulator: Running,
    control: SocketAddr,
    services: Vec<Process>,
    /// Where nobody answers for the executor of `away`.
    away: SocketAddr,
}

impl Stage {
    async fn start(experiment: Experiment, options: &Options, folder: &Path) -> Result<Self> {
        let named = |name: &str| NewPortal {
            name: name.into(),
            ..NewPortal::default()
        };
        let emulator = portal::start(portal::Options {
            portals: vec![named("main"), named("other")],
            ..portal::Options::default()
        })
        .await?;
        let control = emulator.control_url.trim_start_matches("http://").parse()?;
        let away = systems::free_address().await?;
        // Of that one CPU is measured, and not how long a bucket takes.
        let limits = if experiment == Experiment::Executor {
            systems::UNLIMITED
        } else {
            ""
        };
        let more = limits.to_owned() + &executor_at(away, folder)?;
        let services = systems::services(options, &emulator.oauth_url, &more, |_| Vec::new(), folder).await?;
        let stage = Self {
            emulator,
            control,
            services: services.processes,
            away,
        };
        for info in &stage.emulator.portals {
            stage.install(&info.name, services.http).await?;
        }
        Ok(stage)
    }

    /// As an administrator does it, whose browser runs the page's script.
    async fn install(&self, portal: &str, gateway: SocketAddr) -> Result<()> {
        let page = format!("http://{gateway}/bitrix/{APP}/page");
        let app = json!({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "url": page, "install_url": page,
            "application_token": format!("token-of-{portal}")});
        let installed = self.ask("POST", portal, "apps", &app).await?;
        let page = installed["frame"]["body"].as_str().unwrap_or_default();
        if page.contains("installFinish") {
            self.ask("POST", portal, &format!("apps/{CLIENT_ID}/finish"), &Value::Null)
                .await?;
        }
        // The hasher's two and the one that is away.
        self.wait(portal, "calls:bizproc.activity.add", 3).await.map(drop)
    }

    async fn start_workflows(&self, portal: &str, count: u64) -> Result<()> {
        self.start_workflows_of("md5", portal, count).await
    }

    async fn start_workflows_of(&self, code: &str, portal: &str, count: u64) -> Result<()> {
        let step = json!({"code": code, "properties": {"inputString": "x"}});
        let workflows = json!({"steps": [step], "count": count});
        self.ask("POST", portal, "workflows", &workflows).await.map(drop)
    }

    /// CPU seconds of the services so far.
    fn cpu(&self) -> Result<f64> {
        let all = self.services.iter().map(|process| Ok(process.cpu()?.total()));
        all.sum()
    }

    /// Waits until a counter is there, for an hour at most; gives all counters.
    async fn wait(&self, portal: &str, counter: &str, at_least: u64) -> Result<Value> {
        let wait = format!("wait?counter={counter}&at_least={at_least}&timeout_ms=3600000");
        self.ask("GET", portal, &wait, &Value::Null).await
    }

    /// A request to the emulator's control API.
    async fn ask(&self, method: &str, portal: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = format!(
            "{method} /control/portals/{portal}/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.control,
            body.len()
        );
        let response = systems::exchange(self.control, &request).await?;
        let (head, body) = response.split_once("\r\n\r\n").context("no whole reply")?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "{method} {path}: {response}");
        Ok(serde_json::from_str(body)?)
    }
}

async fn fairness(stage: &Stage, due: u64) -> Result<(Value, String)> {
    for method in ["bizproc.event.send", "batch"] {
        let slow = json!({"method": method, "delay_ms": SLOW_MS});
        stage.ask("POST", "main", "faults", &slow).await?;
    }
    stage.start_workflows("main", due).await?;
    stage.wait("main", "callbacks_acknowledged", due).await?;
    let before = stage.ask("GET", "main", "counters", &Value::Null).await?;
    let start = clock::now();
    stage.start_workflows("other", OTHERS).await?;
    stage.wait("other", "workflows_finished", OTHERS).await?;
    let seconds = start.elapsed().as_secs_f64();
    let applied = |counters: &Value| count(&counters["answers_applied"]);
    let after = stage.ask("GET", "main", "counters", &Value::Null).await?;
    let (due, gone) = (due - applied(&before), applied(&after) - applied(&before));
    Ok((
        json!({"seconds": seconds, "workflows": OTHERS, "due": due, "answered_meanwhile": gone}),
        format!(
            "{OTHERS} workflows of a portal were answered within {seconds:.2} s, while another that takes {SLOW_MS} ms a request had \
             {due} answers due and got {gone} of them"
        ),
    ))
}

async fn executor(stage: &Stage, options: &Options, folder: &Path, waiting: u64) -> Result<(Value, String)> {
    // The first ones warm everything up.
    measured(stage, 1).await?;
    let (alone, seconds_alone) = measured(stage, 2).await?;
    stage.start_workflows_of("away", "main", waiting).await?;
    stage.wait("main", "callbacks_acknowledged", waiting).await?;
    let (beside, seconds_beside) = measured(stage, 3).await?;
    let (cpu, seconds) = (beside / alone, seconds_beside / seconds_alone);

    let back = systems::another_hasher(options, stage.away, folder).await?;
    let begin = stage.wait("main", "workflows_finished", 1).await?;
    let (start, first) = (clock::now(), count(&begin["workflows_finished"]));
    tokio::time::sleep(TENTH).await;
    let counters = stage.ask("GET", "main", "counters", &Value::Null).await?;
    let tenth = count(&counters["workflows_finished"]) - first;
    let (_, seconds_back) = measured(stage, 4).await?;
    stage.wait("main", "workflows_finished", waiting).await?;
    let all = start.elapsed().as_secs_f64();
    drop(back);
    Ok((
        json!({"waiting": waiting, "workflows": MEASURED, "cpu_alone_us": alone, "cpu_beside_us": beside, "cpu_ratio": cpu,
            "seconds_alone": seconds_alone, "seconds_beside": seconds_beside, "seconds_ratio": seconds,
            "back_first_tenth": tenth, "back_seconds": all, "seconds_beside_back": seconds_back}),
        format!(
            "{MEASURED} workflows took {beside:.0} us of CPU each beside {waiting} jobs of an executor that is away, {cpu:.2} of what they \
             took before, and {seconds_beside:.2} s in all, {seconds:.2} of that before\n\
             When it came back, {tenth} of the jobs were done in the first tenth of a second and all in {all:.1} s; {MEASURED} workflows \
             took {seconds_back:.2} s meanwhile"
        ),
    ))
}

fn count(counter: &Value) -> u64 {
    counter.as_u64().unwrap_or_default()
}

/// Runs workflows whose executor works, for the time so many; microseconds of CPU each, and seconds.
async fn measured(stage: &Stage, time: u64) -> Result<(f64, f64)> {
    let (before, start) = (stage.cpu()?, clock::now());
    stage.start_workflows("other", MEASURED).await?;
    stage.wait("other", "workflows_finished", time * MEASURED).await?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(((stage.cpu()? - before) * 1e6 / number(MEASURED), seconds))
}

/// The configuration of an executor of `away` there, whose descriptors are a file.
fn executor_at(address: SocketAddr, folder: &Path) -> Result<String> {
    let (source, descriptors) = (folder.join("away.proto"), folder.join("away.bin"));
    fs::write(&source, format!("syntax = \"proto3\"; {AWAY}"))?;
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut compiler = protox::Compiler::new([folder, &contracts])?;
    compiler.include_imports(true).open_file("away.proto")?;
    fs::write(&descriptors, compiler.encode_file_descriptor_set())?;
    Ok(format!(
        "[registrar.executors.away]\nuri = \"http://{address}\"\ndescriptors = \"{}\"\ncodes = [\"away\"]",
        descriptors.display()
    ))
}

async fn limiter(stage: &Stage, answers: u64) -> Result<(Value, String)> {
    let settings = json!({"limiter": true, "lock_hold_ms": RESUME_MS});
    stage.ask("PATCH", "main", "settings", &settings).await?;
    stage.ask("DELETE", "main", "calls", &Value::Null).await?;
    let start = clock::now();
    stage.start_workflows("main", answers).await?;
    let counters = stage.wait("main", "workflows_finished", answers).await?;
    let seconds = start.elapsed().as_secs_f64();
    let calls = stage.ask("GET", "main", "calls", &Value::Null).await?;
    let calls = calls.as_array().map_or(&[][..], Vec::as_slice);
    let time = |call: &Value| call["time"].as_i64().unwrap_or_default();
    let first = calls.first().map(time).unwrap_or_default();
    let refused = calls.iter().filter(|call| call["status"] == 503);
    let late = refused.clone().filter(|call| time(call) > first + SETTLED).count();
    let refused = refused.count();
    let (requests, per_second) = (calls.len(), number(answers) / seconds);
    let dropped = count(&counters["answers_ignored"]["locked"]);
    Ok((
        json!({"seconds": seconds, "answers": answers, "per_second": per_second, "requests": requests, "refused": refused,
            "refused_after_10_s": late, "dropped": dropped}),
        format!(
            "{answers} answers in {seconds:.1} s, {per_second:.0} a second, by {requests} requests to a portal that takes two a second and \
             {RESUME_MS} ms a resume; {refused} requests refused, {late} after the first ten seconds, {dropped} answers dropped"
        ),
    ))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}
