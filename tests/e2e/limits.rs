//! The cloud's limit of fifty requests at once and two a second.

use serde_json::{Value, json};
use tests::{Shape, Stack};

const ANSWERS: u64 = 2000;
/// Answers of a batch.
const TOGETHER: u64 = 50;
const MICROS: i64 = 1_000_000;

#[tokio::test]
async fn answers_go_together_where_requests_are_few() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let portal = &stack.emulator;
    portal.set(json!({"limiter": true, "lock_hold_ms": 50})).await?;
    portal.send("DELETE", "calls", None).await?;
    let before = portal.get("counters").await?["requests"].as_u64().unwrap_or_default();
    let step = json!({"code": "md5", "properties": {"inputString": "x"}});
    portal
        .post("workflows", json!({"steps": [step], "count": ANSWERS}))
        .await?;
    let counters = portal.counted("workflows_finished", ANSWERS).await?;
    assert_eq!(counters["answers_applied"], ANSWERS, "none was dropped: {counters}");
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");

    let calls = portal.get("calls").await?;
    let calls = calls.as_array().map_or(&[][..], Vec::as_slice);
    let time = |call: &Value| call["time"].as_i64().unwrap_or_default();
    let start = calls.first().map(time).unwrap_or_default();
    let late: Vec<&Value> = calls
        .iter()
        .filter(|call| call["status"] == 503 && time(call) > start + 10 * MICROS)
        .collect();
    assert!(late.is_empty(), "refused after the first ten seconds: {late:?}");
    let requests = counters["requests"].as_u64().unwrap_or_default() - before;
    assert!(
        requests <= ANSWERS / TOGETHER * 3 / 2,
        "{requests} requests for {ANSWERS} answers: {counters}"
    );
    Ok(())
}
