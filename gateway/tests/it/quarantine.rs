//! Callbacks that are not proved.

use std::path::Path;

use harness::until;
use proto::{
    gateway::v1::{Job, Outcome, State},
    registrar::v1::Verdict,
};
use reqwest::StatusCode;
use tonic::Status;

use crate::{
    harness::{Callback, Gateway, World},
    registrar::{APP, APPLICATION_TOKEN},
};

/// 2015's form: no application token, no document, no subscription.
fn seed(text: &str) -> Callback {
    let mut callback = Callback::new(text)
        .without("auth[application_token]")
        .without("use_subscription");
    callback.fields.retain(|(name, _)| !name.starts_with("document_"));
    callback
}

#[tokio::test]
async fn a_proved_callback_is_run() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    assert_eq!(world.callback(&gateway, &seed("x")).await, StatusCode::OK);
    world.portal.calls(1).await;
    let job = gateway.the_job(State::Sent).await;
    assert_eq!(job.outcome(), Outcome::Answered);
    let proved = world.registrar.state.proved.lock().clone();
    assert_eq!(proved.len(), 1);
    let auth = proved[0].auth.clone().unwrap();
    assert_eq!(
        (proved[0].app.as_str(), auth.access_token.as_str()),
        (APP, "callback-access-token")
    );
    assert!(world.executor.called()[0].0.get("x-bizproc-document").is_none());
}

#[tokio::test]
async fn without_a_budget_for_the_question_it_waits() {
    let world = World::new().await;
    *world.registrar.state.no_verdict.lock() = Some(Status::resource_exhausted("again in 6 s"));
    let gateway = world.gateway().await;
    assert_eq!(world.callback(&gateway, &seed("x")).await, StatusCode::OK);
    let waiting = async || {
        let job = gateway.the_job(State::Quarantined).await;
        if job.problem.contains("again in 6 s") {
            Ok(())
        } else {
            Err(job)
        }
    };
    until(waiting).await;
    *world.registrar.state.no_verdict.lock() = None;
    gateway.the_job(State::Sent).await;
    assert_eq!(world.registrar.state.proved.lock()[0].source, "127.0.0.1");
}

#[tokio::test]
async fn a_forged_one_is_dropped_and_acknowledged() {
    let world = World::new().await;
    *world.registrar.state.verdict.lock() = Verdict::Disproved;
    let gateway = world.gateway().await;
    let forged = Callback::new("x").with("auth[application_token]", "guessed");
    assert_eq!(world.callback(&gateway, &forged).await, StatusCode::OK);
    let job = gateway.the_job(State::Done).await;
    assert_eq!(job.outcome(), Outcome::Discarded);
    assert!(world.executor.called().is_empty() && world.portal.sent().is_empty());
    assert!(
        gateway
            .metrics(&world.http)
            .await
            .contains("gateway_dropped_total{reason=\"disproved\"} 1")
    );

    // The portal's own callback for the same step is believed all the same.
    assert_eq!(world.callback(&gateway, &Callback::new("x")).await, StatusCode::OK);
    gateway.the_job(State::Sent).await;
}

#[tokio::test]
async fn an_unknown_portal_waits_and_an_authentic_repeat_promotes() {
    let world = World::new().await;
    *world.registrar.state.verdict.lock() = Verdict::Unknown;
    let gateway = world.gateway().await;
    let path = format!("/bitrix/{APP}/activity/{}", world.registrar.revision);
    let early = Callback::new("early").with("auth[application_token]", "unknown-yet");
    assert_eq!(world.post(&gateway, &path, early.body()).await.0, StatusCode::OK);
    let job = gateway.the_job(State::Quarantined).await;
    assert!(world.executor.called().is_empty());
    for secret in ["callback-access-token", "callback-refresh-token", "early"] {
        assert!(!stored(world.folder.path(), secret), "{secret} is in the store");
    }

    assert_eq!(world.callback(&gateway, &Callback::new("late")).await, StatusCode::OK);
    let sent = gateway.the_job(State::Sent).await;
    assert_eq!(sent.id, job.id);
    assert_eq!(
        world.executor.called()[0].1,
        "late",
        "the authentic callback's values count"
    );
}

#[tokio::test]
async fn a_new_snapshot_lets_go() {
    let world = World::new().await;
    *world.registrar.state.verdict.lock() = Verdict::Unknown;
    let tokens = world.registrar.state.snapshot.borrow().installations.clone();
    world.registrar.change(|snapshot| snapshot.installations.clear());
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    gateway.the_job(State::Quarantined).await;
    world.registrar.change(|snapshot| snapshot.installations = tokens);
    gateway.the_job(State::Sent).await;
}

#[tokio::test]
async fn unknown_definitions_wait_for_a_snapshot() {
    let world = World::new().await;
    let revisions = world.registrar.state.snapshot.borrow().revisions.clone();
    world.registrar.change(|snapshot| snapshot.revisions.clear());
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    let unknown = Callback::numbered(2, "x").with("code", "no_such_code");
    world.callback(&gateway, &unknown).await;
    let both_wait = async || {
        let jobs = gateway.jobs(State::Quarantined).await;
        let waits = |job: &Job| job.problem.contains("unknown_revision");
        if jobs.len() == 2 && jobs.iter().all(waits) {
            Ok(())
        } else {
            Err(jobs)
        }
    };
    until(both_wait).await;
    world.registrar.change(|snapshot| snapshot.revisions = revisions);
    world.portal.calls(1).await;
    let waiting = gateway.jobs(State::Quarantined).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].code, "no_such_code");
}

/// The registrar does not send what the gateway knows again; who a revision was first known for is all the same.
#[tokio::test]
async fn another_app_may_have_the_same_definitions() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    gateway.the_job(State::Sent).await;
    world.registrar.change(|snapshot| {
        let (mut revision, mut installation) = (snapshot.revisions[0].clone(), snapshot.installations[0].clone());
        (revision.app, installation.app) = ("other".into(), "other".into());
        snapshot.revisions.push(revision);
        snapshot.installations.push(installation);
        snapshot.apps.push("other".into());
    });
    let path = format!("/bitrix/other/activity/{}", world.registrar.revision);
    let body = Callback::numbered(2, "y").body();
    while world.post(&gateway, &path, body.clone()).await.0 == StatusCode::NOT_FOUND {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    world.portal.calls(2).await;
}

#[tokio::test]
async fn it_has_bounds() {
    let world = World::new().await;
    *world.registrar.state.verdict.lock() = Verdict::Unknown;
    let mut config = world.config();
    config.limits.quarantined_per_source = 3;
    let gateway = Gateway::start(config).await;
    gateway.ready(&world.http).await;
    let mut statuses = Vec::new();
    for number in 0..5 {
        let callback = Callback::numbered(number, "x").with("auth[application_token]", "guessed");
        statuses.push(world.callback(&gateway, &callback).await.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 503, 503]);
    let authentic = Callback::numbered(9, "x");
    assert_eq!(
        world.callback(&gateway, &authentic).await,
        StatusCode::OK,
        "who is known comes in"
    );
    assert_eq!(authentic.get("auth[application_token]"), APPLICATION_TOKEN);
}

#[tokio::test]
async fn tokens_of_authentic_callbacks_are_not_stored() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("needle")).await;
    gateway.the_job(State::Sent).await;
    assert!(
        stored(world.folder.path(), "needle"),
        "the properties are kept while the answer may have to be repeated"
    );
    for secret in ["callback-access-token", "callback-refresh-token", APPLICATION_TOKEN] {
        assert!(!stored(world.folder.path(), secret), "{secret} is in the store");
    }
}

fn stored(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    })
}
