//! Portals that answer with what no portal should, some by a clock that is hours off: their workflows end all the same.

use serde_json::{Value, json};
use tests::{Emulator, Shape, Stack};
use tokio::task::JoinSet;

use super::closed::portal;

const WORKFLOWS: u64 = 20;
/// Odd replies of a portal.
const TIMES: u64 = 2;
/// Requests of a portal, installing included, far below a storm.
const REQUESTS: u64 = 30 + 4 * WORKFLOWS;
const HOURS: i64 = 3_600_000;

/// Where a batch's reply should be.
fn batches() -> Vec<Value> {
    let time = json!({"start": 1, "finish": 2, "duration": 1});
    let all: Vec<Value> = vec![
        json!([]),
        Value::Null,
        json!(true),
        json!("x".repeat(300_000)),
        json!({"result": [], "result_error": "none", "result_time": []}),
        json!({"result": {"c99": true, "x": true}, "result_time": null}),
        json!({"result": {"c0": true}, "result_time": {"c0": null, "c1": [], "c2": "1"}}),
        json!({"result": {"c0": {"c0": true}}, "result_error": {"c1": null, "c2": [], "c3": 1}}),
    ];
    all.into_iter()
        .map(|result| json!({"result": result, "time": time}))
        .chain([
            json!("\u{feff}{\"result\":{\"result\":{\"c0\":true"),
            json!("<html>Ok</html>"),
            json!({}),
        ])
        .collect()
}

/// Where `true` should be.
fn lone_ones() -> Vec<Value> {
    vec![
        json!({"result": null}),
        json!({"result": false, "time": []}),
        json!("\u{feff}{\"result\":true}"),
        json!("{\"result\":tr"),
        json!(""),
    ]
}

#[tokio::test]
async fn every_workflow_ends_after_odd_replies() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    let mut portals = JoinSet::new();
    let odd = batches().into_iter().map(|body| ("batch", body));
    let odd = odd.chain(lone_ones().into_iter().map(|body| ("bizproc.event.send", body)));
    for (number, (method, body)) in odd.enumerate() {
        let portal = portal(&stack, &number.to_string()).await?;
        // It has done what was asked, or it has not.
        let work = number % 2 == 0;
        let rule = json!({"method": method, "times": TIMES, "status": 200, "body": body, "work": work});
        portal.post("faults", rule).await?;
        let offset = [-3 * HOURS, 0, 3 * HOURS][number % 3];
        portal
            .set(json!({"clock_offset_ms": offset, "lock_hold_ms": 20}))
            .await?;
        portals.spawn(async move {
            let error = end(&portal).await.err()?;
            let body: String = body.to_string().chars().take(200).collect();
            Some(format!("{method} {body}: {error}"))
        });
    }
    let hanging: Vec<String> = portals.join_all().await.into_iter().flatten().collect();
    assert!(hanging.is_empty(), "{hanging:#?}");
    Ok(())
}

async fn end(portal: &Emulator) -> anyhow::Result<()> {
    let branch = |name: &str| json!([{"name": name, "code": "md5", "properties": {"inputString": name}}]);
    let steps = json!([{"parallel": [branch("A1"), branch("A2")]}]);
    portal
        .post("workflows", json!({"steps": steps, "count": WORKFLOWS}))
        .await?;
    let counters = portal.counted("workflows_finished", 1 + WORKFLOWS).await?;
    let rules = portal.get("faults").await?;
    anyhow::ensure!(rules[0]["times"] == 0, "it never came: {rules}");
    anyhow::ensure!(counters["steps_completed_twice"] == 0, "{counters}");
    let requests = counters["requests"].as_u64().unwrap_or_default();
    anyhow::ensure!(requests <= REQUESTS, "{requests} requests: {counters}");
    Ok(())
}
