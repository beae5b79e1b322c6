//! A handler that sends each answer alone as it comes, and takes `true` for an answer: what it leaves behind.

use std::sync::Arc;

use crate::harness::Stage;
use serde_json::{Value, json};

const WORKFLOWS: u64 = 300;

#[tokio::test]
async fn short_locks_leave_workflows_hanging() {
    naive(20).await;
}

#[tokio::test]
async fn long_locks_leave_workflows_hanging() {
    naive(200).await;
}

async fn naive(lock_hold_ms: u64) {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    stage
        .control("PATCH", "settings", json!({ "lock_hold_ms": lock_hold_ms }))
        .await;
    let steps = json!([{"parallel": [[{"code": "md5"}], [{"code": "md5"}]]}]);
    stage
        .control("POST", "workflows", json!({"steps": steps, "count": WORKFLOWS}))
        .await;
    let url: Arc<str> = format!("{}bizproc.event.send", stage.running.portals[0].client_endpoint).into();
    let mut answers = tokio::task::JoinSet::new();
    for _ in 0..2 * WORKFLOWS {
        let call = stage.handler.next().await;
        let answer =
            json!({"auth": token, "event_token": call.body["event_token"], "return_values": {"outputString": "x"}});
        let (http, url) = (stage.http.clone(), Arc::clone(&url));
        answers.spawn(async move {
            http.post(&*url)
                .json(&answer)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap()
        });
    }
    let replies: Vec<Value> = answers.join_all().await;
    assert!(replies.iter().all(|reply| reply["result"] == true), "all were taken");

    // Each answer has come to its end: it was applied, or dropped at a lock.
    let counters = loop {
        let counters = stage.counters().await;
        let ended =
            counters["answers_applied"].as_u64().unwrap() + counters["answers_ignored"]["locked"].as_u64().unwrap();
        if ended == 2 * WORKFLOWS {
            break counters;
        }
        tokio::task::yield_now().await;
    };
    let hang = WORKFLOWS - counters["workflows_finished"].as_u64().unwrap();
    assert!(hang > 0, "none of {WORKFLOWS} workflows hangs: {counters}");
    assert_eq!(counters["answers_ignored"]["locked"], hang, "{counters}");
    stage.running.stop().await;
}
