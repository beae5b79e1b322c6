//! The cloud's limit of fifty requests at once and two a second.

use serde_json::{Value, json};
use tests::{Shape, Stack};

const ANSWERS: u64 = 2000;
/// Answers of a batch.
const TOGETHER: u64 = 50;
const MICROS: i64 = 1_000_000;

#[tokio::test]
async fn answers_go_together_where_requests_are_few() -> anyhow::Result<()> {
    let mut stack = Stack::start(Shape::Separate).await?;
    stack.install().await?;
    let portal = stack.emulator.clone();
    portal.set(json!({"limiter": true, "lock_hold_ms": 50})).await?;
    // However long the callbacks take to come, their answers are due together.
    stack.process("hasher")?.signal("STOP").await?;
    let step = json!({"code": "md5", "properties": {"inputString": "x"}});
    portal
        .post("workflows", json!({"steps": [step], "count": ANSWERS}))
        .await?;
    portal.counted("callbacks_acknowledged", ANSWERS).await?;
    portal.send("DELETE", "calls", None).await?;
    stack.process("hasher")?.signal("CONT").await?;
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
    assert!(
        calls.len() as u64 <= ANSWERS / TOGETHER * 3 / 2,
        "{} requests for {ANSWERS} answers: {counters}",
        calls.len()
    );
    Ok(())
}

/// A method that has worked for longer than its portal allows is refused until the portal counts anew.
#[tokio::test]
async fn a_portal_whose_time_is_used_up_is_left_alone_until_it_counts_anew() -> anyhow::Result<()> {
    const WORKFLOWS: u64 = 12;
    /// Calls of a method in a window; what is more is refused.
    const ALLOWED: u64 = 4;
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let portal = &stack.emulator;
    let operating = json!({"limit_ms": ALLOWED * 100, "call_ms": 100, "window_s": 5});
    portal.set(json!({"operating": operating})).await?;
    portal.send("DELETE", "calls", None).await?;
    for _ in 0..WORKFLOWS {
        let step = json!({"code": "md5", "properties": {"inputString": "x"}});
        portal.post("workflows", json!({"steps": [step]})).await?;
    }
    let counters = portal.counted("workflows_finished", WORKFLOWS).await?;
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");
    let calls = portal.get("calls").await?;
    let calls = calls.as_array().map_or(&[][..], Vec::as_slice);
    let refused = calls.iter().filter(|call| call["status"] == 429).count() as u64;
    // Requests on their way when the first is refused are refused as well: as many as may be under way at once.
    let windows = WORKFLOWS / ALLOWED + 1;
    assert!(
        refused <= windows * 4,
        "{refused} refused of {}: {counters}",
        calls.len()
    );
    Ok(())
}
