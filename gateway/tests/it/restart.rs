//! What survives the end of the process.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use harness::until;
use proto::gateway::v1::{Outcome, State};
use tonic::Status;

use crate::harness::{Callback, Gateway, World};

#[tokio::test]
async fn a_job_in_work_begins_again_with_its_trace() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    // The call does not come back before the process ends.
    world.executor.reply(std::future::pending());
    world.callback(&gateway, &Callback::new("x")).await;
    let before = gateway.the_job(State::Accepted).await;
    // It is begun: the next process's call is another one.
    world.executor.calls(1).await;
    gateway.kill().await;

    let gateway = world.gateway().await;
    let job = gateway.the_job(State::Sent).await;
    assert_eq!((job.outcome(), job.id), (Outcome::Answered, before.id));
    assert_eq!(job.trace_id, before.trace_id);
    let calls = world.executor.called();
    let trace = calls
        .last()
        .unwrap()
        .0
        .get("traceparent")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    assert!(trace.contains(&job.trace_id), "{trace}");
}

#[tokio::test]
async fn an_unsent_answer_is_sent_without_another_call() {
    let world = World::new().await;
    *world.registrar.state.token.lock() = Err(Status::unavailable("down"));
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    gateway.the_job(State::AnsweredUnsent).await;
    gateway.kill().await;
    *world.registrar.state.token.lock() = Ok(proto::registrar::v1::IssueTokenResponse {
        access_token: "later".into(),
        expires: None,
        client_endpoint: world.portal.endpoint.clone(),
    });
    let gateway = world.gateway().await;
    gateway.the_job(State::Sent).await;
    assert_eq!(world.executor.called().len(), 1);
    assert_eq!(world.portal.sent()[0]["auth"], "later");
}

#[tokio::test]
async fn what_was_sent_stays_sent() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    let before = gateway.the_job(State::Sent).await;
    gateway.kill().await;
    let gateway = world.gateway().await;
    let mut after = gateway.the_job(State::Sent).await;
    // The next process looks for its arrival.
    after.next_attempt = None;
    assert_eq!(after, before);
    // A repeat is acknowledged, and nothing else.
    world.callback(&gateway, &Callback::new("x")).await;
    gateway.stop().await;
    assert_eq!(world.portal.sent().len(), 1);
}

#[tokio::test]
async fn a_start_without_the_registrar_works() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    gateway.stop().await;
    let mut config = world.config();
    config.registrar.uri = "http://127.0.0.1:1".parse().unwrap();
    let gateway = Gateway::start(config).await;
    gateway.ready(&world.http).await;
    world.callback(&gateway, &Callback::new("x")).await;
    let job = gateway.the_job(State::AnsweredUnsent).await;
    assert_eq!(world.executor.called().len(), 1, "{job:?}");
}

#[tokio::test]
async fn before_the_first_snapshot_callbacks_are_kept() {
    let world = World::new().await;
    let mut config = world.config();
    config.registrar.uri = "http://127.0.0.1:1".parse().unwrap();
    let gateway = Gateway::start(config).await;
    while world
        .http
        .get(format!("http://{}/live", gateway.admin))
        .send()
        .await
        .is_err()
    {
        tokio::task::yield_now().await;
    }
    let ready = world
        .http
        .get(format!("http://{}/ready", gateway.admin))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status().as_u16(), 503);
    assert!(ready.text().await.unwrap().contains("the registrar's definitions"));
    assert_eq!(world.callback(&gateway, &Callback::new("x")).await.as_u16(), 200);
    gateway.the_job(State::Quarantined).await;
    gateway.kill().await;
    let gateway = world.gateway().await;
    gateway.the_job(State::Sent).await;
}

#[tokio::test]
async fn more_than_memory_takes_waits_in_the_store() {
    let world = World::new().await;
    let mut config = world.config();
    config.limits.jobs_in_memory = 2;
    let gateway = Gateway::start(config).await;
    gateway.ready(&world.http).await;
    let posts = (0..50).map(|number| {
        let (world, gateway) = (&world, &gateway);
        async move { world.callback(gateway, &Callback::numbered(number, "x")).await }
    });
    for status in futures::future::join_all(posts).await {
        assert_eq!(status.as_u16(), 200);
    }
    world.portal.calls(50).await;
    gateway.stop().await;
    assert_eq!(world.portal.sent().len(), 50);
    assert_eq!(world.executor.called().len(), 50);
}

/// Takes the write lock of the store until its input ends.
const HOLD: &str = "import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('BEGIN IMMEDIATE')
print('x', end='', flush=True)
sys.stdin.read()";

#[tokio::test]
async fn a_store_that_cannot_be_written_to_is_a_503_and_not_ready() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let ready = async || {
        world
            .http
            .get(format!("http://{}/ready", gateway.admin))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    // Somebody's shell holds the write lock for longer than a write waits.
    let mut shell = Command::new("python3")
        .args(["-c", HOLD])
        .arg(world.folder.path().join("gateway.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut held = [0];
    shell.stdout.as_mut().unwrap().read_exact(&mut held).unwrap();
    assert_eq!(world.callback(&gateway, &Callback::new("x")).await.as_u16(), 503);
    assert_eq!(ready().await, 503);
    drop(shell.stdin.take());
    shell.wait().unwrap();
    let works = async || match ready().await {
        200 => Ok(()),
        status => Err(status),
    };
    until(works).await;
    assert_eq!(world.callback(&gateway, &Callback::new("x")).await.as_u16(), 200);
    gateway.the_job(State::Sent).await;
    assert_eq!(world.executor.called().len(), 1, "what got no 200 was not run");
}
