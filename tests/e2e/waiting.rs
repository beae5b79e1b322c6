//! Workflows that go on to wait for somebody else: their answers can't be seen to have arrived, and are repeated little.

use std::cell::Cell;

use proto::gateway::v1::State;
use serde_json::json;
use tests::{Emulator, Shape, Stack, jobs};

const WORKFLOWS: u64 = 200;
const BRANCHES: u64 = 2;

#[tokio::test]
async fn answers_are_repeated_little_where_others_are_waited_for() -> anyhow::Result<()> {
    let unlimited = "[gateway.limits]\nportal_per_second = 0\n";
    let stack = Stack::start_with(Shape::Serve, Emulator::start().await?, unlimited, &[]).await?;
    stack.install().await?;
    let portal = &stack.emulator;
    let people = somebody_else(portal).await?;
    portal.set(json!({"lock_hold_ms": 20})).await?;
    let branch = |number| json!([{"name": format!("A{number}"), "code": "md5", "properties": {"inputString": "x"}}]);
    let steps = json!([
        {"parallel": (1..=BRANCHES).map(branch).collect::<Vec<_>>()},
        {"name": "Z", "code": "people", "client_id": "people"},
    ]);
    portal
        .post("workflows", json!({"steps": steps, "count": WORKFLOWS}))
        .await?;
    let answers = WORKFLOWS * BRANCHES;
    portal.counted("answers_applied", answers).await?;
    // Nobody listens to them, but they have left.
    portal.counted("callbacks_failed", WORKFLOWS).await?;

    // Half of them come to their end by people, and their answers are proved; the others wait on.
    let tokens = tokens_of(portal, "people").await?;
    assert_eq!(tokens.len() as u64, WORKFLOWS);
    let ended = WORKFLOWS / 2;
    // One that meets a hit of ours is dropped.
    let by_people = Cell::new(0);
    harness::until(async || {
        for token in tokens.iter().step_by(2) {
            let answer = json!({ "event_token": token });
            portal.call_with(&people, "bizproc.event.send", answer).await?;
            by_people.set(by_people.get() + 1);
        }
        let wait = format!("wait?counter=workflows_finished&at_least={ended}&timeout_ms=10000");
        portal.get(&wait).await
    })
    .await;
    harness::until(async || {
        let jobs = jobs(&stack, "").await?;
        let done = jobs.iter().filter(|job| job.state() == State::Done).count() as u64;
        anyhow::ensure!(done >= ended * BRANCHES, "{done} jobs are done");
        Ok(())
    })
    .await;
    let counters = portal.get("counters").await?;
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");
    let sends = portal.asked("bizproc.event.send").await? - by_people.get();
    let readings = portal.asked("bizproc.workflow.instances").await?;
    assert!(
        sends * 10 <= answers * 21 && readings * 10 <= answers,
        "{sends} sends and {readings} readings for {answers} answers: {counters}"
    );
    Ok(())
}

/// An app of others, whose handler takes nothing; gives its token.
async fn somebody_else(portal: &Emulator) -> anyhow::Result<String> {
    let nowhere = "http://127.0.0.1:9/people";
    let app = json!({"client_id": "people", "client_secret": "s", "url": nowhere, "api_only": true});
    portal.post("apps", app).await?;
    let token = portal.post("tokens", json!({"client_id": "people"})).await?["access_token"].take();
    let token = token.as_str().unwrap_or_default().to_owned();
    let activity = json!({"CODE": "people", "HANDLER": nowhere, "NAME": "People", "USE_SUBSCRIPTION": "Y"});
    portal.call_with(&token, "bizproc.activity.add", activity).await?;
    Ok(token)
}

/// Event tokens of the callbacks of a code, as they were posted.
async fn tokens_of(portal: &Emulator, code: &str) -> anyhow::Result<Vec<String>> {
    let posts = portal.get("posts?kind=activity").await?;
    let mut tokens = Vec::new();
    for post in posts.as_array().into_iter().flatten() {
        let form = format!("form:?{}", post["body"].as_str().unwrap_or_default());
        let form = reqwest::Url::parse(&form)?;
        let field = |name: &str| form.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        if field("code").as_deref() == Some(code) {
            tokens.extend(field("event_token").map(Into::into));
        }
    }
    Ok(tokens)
}
