//! A workflow's whole way, as Jaeger shows it.

use std::time::Duration;

use observability::{Jaeger, Span, Trace};
use proto::gateway::v1::State;
use serde_json::{Value, json};
use tests::{CLIENT_ID, Emulator, Shape, Stack, jobs, settled};
use tokio::process::Command;

const POST: &str = "gateway: POST /bitrix/{app}/activity/{revision}";
const CALL: &str = "gateway: hasher.v1.Hasher/Md5";
const SERVED: &str = "hasher: hasher.v1.Hasher/Md5";
const ISSUE: &str = "gateway: registrar.v1.Registrar/IssueToken";
const ISSUED: &str = "registrar: registrar.v1.Registrar/IssueToken";
const SEND: &str = "gateway: bizproc.event.send";
const REFRESH: &str = "registrar: oauth.token";
const RESUME: &str = "gateway: resume";

async fn stack(endpoint: &str, protocol: &str) -> anyhow::Result<Stack> {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.0"),
        // Of what a killed process leaves behind, little is lost.
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("LOG", "info,gateway=debug,registrar=debug"),
    ];
    let stack = Stack::start_with(Shape::Separate, Emulator::start().await?, "", &variables).await?;
    stack.install().await?;
    Ok(stack)
}

fn step() -> Value {
    json!([{"name": "A1", "code": "md5", "properties": {"inputString": "a"}}])
}

/// A workflow's trace id, from its own log.
fn trace_id(workflow: &Value) -> String {
    let log = workflow["log"].to_string();
    let (_, rest) = log
        .split_once(", trace ")
        .unwrap_or_else(|| panic!("no trace id in {log}"));
    rest[..32].to_owned()
}

fn parent_of(span: &Span, parent: &Span) {
    assert_eq!(span.parent.as_ref(), Some(&parent.id), "{span:#?} under {parent:#?}");
}

fn tags(span: &Span, tags: &[(&str, &str)]) {
    for (key, value) in tags {
        assert_eq!(span.tag(key), *value, "{key} of {span:#?}");
    }
}

fn whole(trace: &Trace) {
    let roots: Vec<_> = trace.roots().into_iter().map(|span| &span.operation).collect();
    assert_eq!(roots, [POST], "{trace:#?}");
}

#[tokio::test]
async fn a_workflow_is_one_trace_over_three_processes() -> anyhow::Result<()> {
    let jaeger = Jaeger::start().await?;
    let mut stack = stack(&jaeger.otlp_http, "http/protobuf").await?;
    // The stored token is refused: the trace shows its renewal, too.
    stack
        .emulator
        .post(&format!("apps/{CLIENT_ID}/expire"), json!({}))
        .await?;
    let started = stack.emulator.workflow(step()).await?;
    let workflow = stack.emulator.finished(&started).await?;
    let second = stack.emulator.workflow(step()).await?;
    let second = stack.emulator.finished(&second).await?;
    let id = trace_id(&workflow);
    settled(&stack, &started, State::Sent).await?;
    assert_eq!(jobs(&stack, &started).await?[0].trace_id, id);
    assert!(
        told_by_the_command(&stack, &started).await?.contains(&id),
        "bizproc jobs tells the trace"
    );

    let all = [POST, CALL, SERVED, ISSUE, ISSUE, ISSUED, ISSUED, REFRESH, SEND, SEND];
    let trace = jaeger.trace(&id, &all).await?;
    assert_eq!(trace.spans.len(), all.len(), "{trace:#?}");
    whole(&trace);
    let post = trace.only(POST)?;
    for span in trace.all(CALL).chain(trace.all(ISSUE)).chain(trace.all(SEND)) {
        parent_of(span, post);
        assert_eq!(span.tag("span.kind"), "client");
    }
    tags(
        post,
        &[
            ("span.kind", "server"),
            ("http.request.method", "POST"),
            ("http.route", "/bitrix/{app}/activity/{revision}"),
            ("http.response.status_code", "200"),
            ("bizproc.app", "demo"),
            ("bizproc.activity", "md5"),
            ("bizproc.workflow", &started),
            ("bizproc.outcome", "answered"),
        ],
    );
    assert!(post.tag("url.path").starts_with("/bitrix/demo/activity/"), "{post:#?}");
    let (call, served) = (trace.only(CALL)?, trace.only(SERVED)?);
    parent_of(served, call);
    let rpc = [
        ("rpc.system", "grpc"),
        ("rpc.service", "hasher.v1.Hasher"),
        ("rpc.method", "Md5"),
        ("rpc.grpc.status_code", "0"),
    ];
    tags(call, &rpc);
    tags(
        call,
        &[
            ("server.address", "127.0.0.1"),
            ("bizproc.executor", "hasher"),
            ("bizproc.attempt", "1"),
        ],
    );
    tags(served, &rpc);
    assert_eq!(served.tag("span.kind"), "server");
    assert_eq!(
        stack.hasher_uri(),
        format!("http://127.0.0.1:{}", call.tag("server.port"))
    );

    let issue = renewed(&trace)?;

    // The second workflow's answer owes its token to the first one's trace.
    let second = jaeger.trace(&trace_id(&second), &[POST, CALL, SERVED, SEND]).await?;
    assert_eq!(second.spans.len(), 4, "{second:#?}");
    whole(&second);
    assert_eq!(second.only(SEND)?.links, [(id.clone(), issue.id.clone())]);

    stack.terminate().await?;
    let logs = stack.logs()?;
    let renewed = logs.lines().find(|line| line.contains("token refreshed"));
    let renewed: Value = serde_json::from_str(renewed.unwrap_or_default())?;
    assert_eq!(
        renewed["span"]["trace_id"],
        json!(id),
        "the registrar's line: {renewed}"
    );
    let line = logs
        .lines()
        .find(|line| line.contains("work on the job ended") && line.contains(&id));
    let line: Value = serde_json::from_str(line.unwrap_or_default())?;
    assert_eq!(
        (&line["fields"]["trace_id"], &line["fields"]["outcome"]),
        (&json!(id), &json!("answered")),
        "{line}"
    );
    Ok(())
}

/// Issued, refused by the portal, issued anew, taken. Gives the second issue.
fn renewed(trace: &Trace) -> anyhow::Result<&Span> {
    let (issues, sends): (Vec<_>, Vec<_>) = (trace.all(ISSUE).collect(), trace.all(SEND).collect());
    for issue in &issues {
        let served = trace.children(issue);
        assert_eq!(served.len(), 1, "{trace:#?}");
        assert_eq!(served[0].operation, ISSUED);
    }
    tags(
        sends[0],
        &[
            ("http.response.status_code", "401"),
            ("error", "true"),
            ("error.type", "expired_token"),
        ],
    );
    tags(
        sends[1],
        &[
            ("http.request.method", "POST"),
            ("http.response.status_code", "200"),
            ("error", ""),
        ],
    );
    let renewal = trace.only(REFRESH)?;
    parent_of(renewal, trace.children(issues[1])[0]);
    tags(
        renewal,
        &[
            ("span.kind", "client"),
            ("http.request.method", "POST"),
            ("server.address", "127.0.0.1"),
        ],
    );
    Ok(issues[1])
}

async fn told_by_the_command(stack: &Stack, workflow: &str) -> anyhow::Result<String> {
    let token = stack.folder().join("operator.token");
    std::fs::write(&token, stack.operator_token())?;
    let output = Command::new(tests::binary("bizproc")?)
        .args([
            "jobs",
            "--workflow",
            workflow,
            "--gateway",
            &stack.jobs_uri(),
            "--token-file",
        ])
        .arg(&token)
        .output()
        .await?;
    anyhow::ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test]
async fn a_killed_executor_and_a_restarted_gateway_can_be_read() -> anyhow::Result<()> {
    let jaeger = Jaeger::start().await?;
    let mut stack = stack(&jaeger.otlp_grpc, "grpc").await?;
    stack.process("hasher")?.kill().await?;
    let started = stack.emulator.workflow(step()).await?;
    loop {
        let found = jobs(&stack, &started).await?;
        if found.first().is_some_and(|job| job.attempts > 1) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stack.process("gateway")?.terminate().await?;
    stack.start_gateway()?;
    stack.gateway_ready().await?;
    stack.start_hasher().await?;
    let workflow = stack.emulator.finished(&started).await?;
    settled(&stack, &started, State::Sent).await?;

    let trace = jaeger
        .trace(
            &trace_id(&workflow),
            &[POST, CALL, CALL, CALL, SERVED, RESUME, RESUME, SEND],
        )
        .await?;
    whole(&trace);
    let post = trace.only(POST)?;
    tags(
        post,
        &[
            ("bizproc.state", "accepted"),
            ("bizproc.outcome", ""),
            ("bizproc.attempts", "1"),
        ],
    );
    let calls: Vec<_> = trace.all(CALL).collect();
    for (call, attempt) in calls.iter().zip(1..) {
        assert_eq!(call.tag("bizproc.attempt"), attempt.to_string());
        assert_eq!(call.tag("error") == "true", attempt < calls.len(), "{call:#?}");
    }
    tags(calls[0], &[("error.type", "UNREACHABLE"), ("rpc.grpc.status_code", "")]);
    assert!(
        calls[0]
            .tag("otel.status_description")
            .contains("the executor can't be reached"),
        "{:#?}",
        calls[0]
    );
    parent_of(calls[0], post);
    let resumes: Vec<_> = trace.all(RESUME).collect();
    for (resume, call) in resumes.iter().zip(&calls[1..]) {
        parent_of(resume, post);
        parent_of(call, resume);
        assert!(
            resume
                .tag("bizproc.waited_for")
                .contains("the executor can't be reached"),
            "{resume:#?}"
        );
        assert!(resume.tag("bizproc.waited_ms").parse::<u64>()? > 0);
    }
    assert!(
        resumes.iter().any(|resume| resume.tag("bizproc.restarted") == "true"),
        "{trace:#?}"
    );
    let last = resumes.last().copied().expect("there are two");
    tags(last, &[("bizproc.outcome", "answered"), ("error", "")]);
    parent_of(trace.only(SEND)?, last);
    parent_of(trace.only(SERVED)?, calls.last().expect("there are three"));
    Ok(())
}

#[tokio::test]
async fn a_gateway_killed_between_accept_and_answer_leaves_a_whole_trace() -> anyhow::Result<()> {
    let jaeger = Jaeger::start().await?;
    let mut stack = stack(&jaeger.otlp_http, "http/protobuf").await?;
    // The call hangs, so the gateway dies with the job in its hands.
    stack.process("hasher")?.signal("STOP").await?;
    let started = stack.emulator.workflow(step()).await?;
    stack.emulator.counted("callbacks_acknowledged", 1).await?;
    stack.process("gateway")?.kill().await?;
    stack.start_gateway()?;
    stack.gateway_ready().await?;
    stack.process("hasher")?.signal("CONT").await?;
    let workflow = stack.emulator.finished(&started).await?;
    settled(&stack, &started, State::Sent).await?;
    let id = trace_id(&workflow);
    let trace = jaeger.trace(&id, &[POST, RESUME, CALL, SERVED, SEND]).await?;
    let (post, resume) = (trace.only(POST)?, trace.only(RESUME)?);
    assert_eq!(post.parent, None);
    tags(post, &[("bizproc.workflow", &started), ("bizproc.activity", "md5")]);
    parent_of(resume, post);
    tags(
        resume,
        &[("bizproc.restarted", "true"), ("bizproc.outcome", "answered")],
    );
    parent_of(trace.only(CALL)?, resume);
    parent_of(trace.only(SEND)?, resume);
    Ok(())
}

#[tokio::test]
async fn no_span_is_lost_when_the_processes_stop() -> anyhow::Result<()> {
    const WORKFLOWS: u64 = 300;
    let jaeger = Jaeger::start().await?;
    let mut stack = stack(&jaeger.otlp_grpc, "grpc").await?;
    stack
        .emulator
        .post("workflows", json!({"steps": step(), "count": WORKFLOWS}))
        .await?;
    stack.emulator.counted("workflows_finished", WORKFLOWS).await?;
    stack.terminate().await?;
    let traces = jaeger.traces("gateway").await?;
    let jobs = traces.iter().filter(|trace| trace.has(&[POST]));
    let complete = jobs
        .clone()
        .filter(|trace| trace.has(&[CALL, SERVED, SEND]) && trace.roots().len() == 1);
    assert_eq!((jobs.count() as u64, complete.count() as u64), (WORKFLOWS, WORKFLOWS));
    Ok(())
}
