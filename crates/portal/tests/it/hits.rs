//! Hits that hold a workflow's lock: our own batches, those of others, and what can be seen of them.

use crate::harness::Stage;
use serde_json::{Map, Value, json};

fn branches(count: usize) -> Value {
    let branch = |number| json!([{"name": format!("B{number}"), "code": "md5"}]);
    json!([{"parallel": (0..count).map(branch).collect::<Vec<_>>()}, {"name": "Z", "code": "md5"}])
}

/// Event tokens of the callbacks that come next.
async fn tokens(stage: &mut Stage, count: usize) -> Vec<String> {
    let mut tokens = Vec::new();
    for _ in 0..count {
        let call = stage.handler.next().await;
        tokens.push(call.body["event_token"].as_str().unwrap().to_owned());
    }
    tokens
}

/// Answers to all of them in one batch.
fn batch(tokens: &[String]) -> Value {
    let commands = tokens.iter().enumerate().map(|(number, token)| {
        let form = Map::from_iter([("event_token".to_owned(), json!(token))]);
        let query = portal::php::form::build(&form);
        (format!("c{number}"), json!(format!("bizproc.event.send?{query}")))
    });
    json!({"cmd": commands.collect::<Map<_, _>>()})
}

async fn row(stage: &Stage, token: &str, workflow: &str) -> Value {
    let params = json!({"FILTER": {"ID": [workflow]}, "start": -1});
    let (status, reply) = stage.rest("bizproc.workflow.instances", token, params).await;
    assert_eq!(status, 200, "{reply}");
    reply["result"][0].clone()
}

/// Its row once a hit is in it.
async fn locked(stage: &Stage, token: &str, workflow: &str) -> Value {
    loop {
        let row = row(stage, token, workflow).await;
        if row["OWNED_UNTIL"] != Value::Null {
            return row;
        }
    }
}

fn seconds(time: &Value) -> i64 {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    time.as_second()
}

#[tokio::test]
async fn a_batch_enters_its_own_locks_again_and_calls_the_next_steps_when_it_is_done() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let mut workflows = Vec::new();
    for _ in 0..2 {
        workflows.push(stage.start_workflow(branches(2)).await);
    }
    let steps = tokens(&mut stage, 4).await;
    stage.control("PATCH", "settings", json!({"lock_hold_ms": 100})).await;
    stage.rest("batch", &token, batch(&steps)).await;
    // The first job's lock is seen; a request of another process is dropped by it.
    let first = steps[0].split('|').next().unwrap().to_owned();
    let row = locked(&stage, &token, &first).await;
    let ahead = seconds(&row["OWNED_UNTIL"]) - seconds(&row["MODIFIED"]);
    assert!((300..310).contains(&ahead), "five minutes from its hit on: {row}");

    let mut next = tokens(&mut stage, 1).await;
    let counters = stage.counters().await;
    assert_eq!(
        (&counters["answers_applied"], &counters["answers_ignored"]["locked"]),
        (&json!(4), &json!(0)),
        "one workflow was ready before the last job, and called nobody before that: {counters}"
    );
    next.extend(tokens(&mut stage, 1).await);
    stage.rest("batch", &token, batch(&next)).await;
    for workflow in workflows {
        stage.finished(&workflow).await;
    }
    stage.running.stop().await;
}

#[tokio::test]
async fn others_hold_locks_and_save_without_an_answer() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let workflow = stage.start_workflow(json!([{"name": "A1", "code": "md5"}])).await;
    let others = json!({"others": {"every_ms": 1, "percent": 100, "hold_ms": 1}});
    stage.control("PATCH", "settings", others).await;
    let counters = stage
        .control("GET", "wait?counter=saves_by_others&at_least=3", Value::Null)
        .await;
    assert_eq!(counters["answers_applied"], 0, "{counters}");
    let shown = stage
        .control("GET", &format!("workflows/{workflow}"), Value::Null)
        .await;
    assert!(
        shown["saves"].as_u64() >= Some(4) && shown["state"] == "running",
        "{shown}"
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn an_answer_that_meets_a_hit_of_others_is_dropped() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let workflow = stage.start_workflow(json!([{"name": "A1", "code": "md5"}])).await;
    let answer = json!({"EVENT_TOKEN": stage.handler.next().await.body["event_token"]});
    let others = json!({"others": {"every_ms": 1, "percent": 100, "hold_ms": 60_000}});
    stage.control("PATCH", "settings", others).await;
    locked(&stage, &token, &workflow).await;
    stage.rest("bizproc.event.send", &token, answer).await;
    let counters = stage.counters().await;
    assert_eq!(
        (&counters["answers_applied"], &counters["answers_ignored"]["locked"]),
        (&json!(0), &json!(1)),
        "{counters}"
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn saves_are_lost_by_chance() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let workflow = stage.start_workflow(json!([{"name": "A1", "code": "md5"}])).await;
    let answer = json!({"EVENT_TOKEN": stage.handler.next().await.body["event_token"]});
    stage
        .control("PATCH", "settings", json!({"lost_saves_percent": 100}))
        .await;
    for lost in 1..=3 {
        stage.rest("bizproc.event.send", &token, answer.clone()).await;
        assert_eq!(stage.counters().await["answers_ignored"]["save_lost"], lost);
    }
    stage
        .control("PATCH", "settings", json!({"lost_saves_percent": 0}))
        .await;
    stage.rest("bizproc.event.send", &token, answer).await;
    stage.finished(&workflow).await;
    stage.running.stop().await;
}

#[tokio::test]
async fn requests_replies_and_methods_are_counted() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let workflow = stage.start_workflow(branches(2)).await;
    let steps = tokens(&mut stage, 2).await;
    let before = stage.counters().await["requests"].as_u64().unwrap();
    let overload = json!({"method": "batch", "times": 1, "status": 503, "body": "<html>"});
    stage.control("POST", "faults", overload).await;
    stage
        .control("POST", "faults", json!({"method": "batch", "times": 1, "cut": true}))
        .await;
    stage.rest("batch", &token, batch(&steps)).await;
    let url = format!("{}batch", stage.running.portals[0].client_endpoint);
    let cut = stage.http.post(&url).json(&json!({})).send().await;
    assert!(cut.is_err() || cut.unwrap().bytes().await.is_err());
    stage.rest("batch", &token, batch(&steps)).await;
    let last = tokens(&mut stage, 1).await;
    row(&stage, &token, &workflow).await;
    stage
        .rest("bizproc.event.send", &token, json!({"EVENT_TOKEN": last[0]}))
        .await;
    stage.finished(&workflow).await;

    let counters = stage.counters().await;
    assert_eq!(counters["requests"], before + 5, "{counters}");
    let methods = &counters["methods"];
    assert_eq!(methods["bizproc.event.send"], json!({"alone": 1, "in_batches": 2}));
    assert_eq!(
        methods["bizproc.workflow.instances"],
        json!({"alone": 1, "in_batches": 0})
    );
    assert_eq!(methods["batch"], json!({"alone": 1, "in_batches": 0}));
    let replies = &counters["replies"];
    assert_eq!((&replies["overloaded"], &replies["cut"]), (&json!(1), &json!(1)));
    assert_eq!(counters["answers_accepted"], 3);
    stage.running.stop().await;
}

#[tokio::test]
async fn requests_to_the_authorisation_server_are_counted_by_outcome() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    let app_info = format!("{}/rest/app.info", stage.running.oauth_url);
    let fault = json!({"method": "/rest/app.info", "times": 1, "status": 502, "body": "<html>"});
    stage.control_raw("POST", "oauth/faults", fault).await;
    for auth in [token.as_str(), token.as_str(), "unknown"] {
        stage.http.post(&app_info).form(&[("auth", auth)]).send().await.unwrap();
    }
    stage.oauth(&[("client_id", "demo"), ("client_secret", "no")]).await;
    let (_, shown) = stage.control_raw("GET", "oauth", Value::Null).await;
    let app_info = json!({"status 502": 1, "ok": 1, "invalid_token": 1});
    assert_eq!(
        shown["requests"],
        json!({"app_info": app_info, "token": {"invalid_client": 1}, "other": {}})
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn a_portal_s_clock_may_be_wrong() {
    const HOUR: i64 = 3600;
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    stage
        .control("PATCH", "settings", json!({"clock_offset_ms": -HOUR * 1000}))
        .await;
    let workflow = stage
        .start_workflow(json!([{"name": "A1", "code": "md5", "timeout": 600}]))
        .await;
    let now = stage.control_raw("GET", "clock", Value::Null).await.1["now"]
        .as_i64()
        .unwrap();
    let behind = |time: i64| (now - HOUR - 60..=now - HOUR + 60).contains(&time);
    let call = stage.handler.next().await;
    let ts: i64 = call.body["ts"].as_str().unwrap().parse().unwrap();
    assert!(behind(ts), "{ts}");
    assert!(behind(seconds(&row(&stage, &token, &workflow).await["MODIFIED"])));
    let (_, reply) = stage.rest("batch", &token, json!({"cmd": {"a": "profile"}})).await;
    assert!(behind(seconds(&reply["time"]["date_start"])), "{reply}");
    assert!(
        behind(seconds(&reply["result"]["result_time"]["a"]["date_start"])),
        "{reply}"
    );
    // Time-outs come by the portal's clock.
    stage
        .control_raw("POST", "clock/advance", json!({"seconds": 601}))
        .await;
    let over = stage.finished(&workflow).await;
    assert_eq!(over["values"]["A1"]["IsTimeout"], 1, "{over}");
    stage.running.stop().await;
}
