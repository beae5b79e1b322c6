//! A portal's limits: fifty requests at once and two a second in the cloud, the time that a method may work, and how many requests
//! at once it bears.

use serde_json::{Value, json};
use tests::{Emulator, Shape, Stack};

const ANSWERS: u64 = 2000;
/// Answers of a batch.
const TOGETHER: u64 = 50;
const MICROS: i64 = 1_000_000;

/// So many answers are due together, however long their callbacks take to come; calls are noted from then on.
async fn due_together(stack: &mut Stack, answers: u64) -> anyhow::Result<()> {
    stack.process("hasher")?.signal("STOP").await?;
    let step = json!({"code": "md5", "properties": {"inputString": "x"}});
    let portal = &stack.emulator;
    portal
        .post("workflows", json!({"steps": [step], "count": answers}))
        .await?;
    portal.counted("callbacks_acknowledged", answers).await?;
    portal.send("DELETE", "calls", None).await?;
    stack.process("hasher")?.signal("CONT").await
}

async fn calls(stack: &Stack) -> anyhow::Result<Vec<Value>> {
    Ok(serde_json::from_value(stack.emulator.get("calls").await?)?)
}

fn time(call: &Value) -> i64 {
    call["time"].as_i64().unwrap_or_default()
}

#[tokio::test]
async fn answers_go_together_where_requests_are_few() -> anyhow::Result<()> {
    let mut stack = Stack::start(Shape::Separate).await?;
    stack.install().await?;
    let portal = stack.emulator.clone();
    portal.set(json!({"limiter": true, "lock_hold_ms": 50})).await?;
    due_together(&mut stack, ANSWERS).await?;
    let counters = portal.counted("workflows_finished", ANSWERS).await?;
    assert_eq!(counters["answers_applied"], ANSWERS, "none was dropped: {counters}");
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");

    let calls = calls(&stack).await?;
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

#[tokio::test]
async fn answers_leave_room_for_the_registrar() -> anyhow::Result<()> {
    /// More than fit in at once: from here on each takes the place that has become free.
    const REQUESTS: u64 = 52;
    let mut stack = Stack::start(Shape::Separate).await?;
    stack.install().await?;
    let portal = stack.emulator.clone();
    portal.set(json!({"limiter": true})).await?;
    due_together(&mut stack, 2 * ANSWERS).await?;
    portal.counted("calls:batch", REQUESTS).await?;
    stack.reconcile().await?;
    let counters = portal.get("counters").await?;
    assert!(
        counters["workflows_finished"].as_u64() < Some(2 * ANSWERS),
        "answers are still due: {counters}"
    );
    let calls = calls(&stack).await?;
    let ours = calls.iter().filter(|call| call["method"] == "bizproc.activity.list");
    assert!(ours.count() > 0, "the registrar has asked: {counters}");
    let refused: Vec<&Value> = calls.iter().filter(|call| call["status"] == 503).collect();
    assert!(refused.is_empty(), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_portal_whose_replies_are_slow_gets_fewer_requests_at_once() -> anyhow::Result<()> {
    /// Slow is what takes more than a second.
    const REPLY_MS: i64 = 1200;
    /// Requests at once to a portal that is not known to be slow.
    const AT_ONCE: usize = 4;
    const DUE: u64 = 300;
    let more = "[gateway.limits]\nportal_per_second = 0\n";
    let mut stack = Stack::start_with(Shape::Separate, Emulator::start().await?, more, &[]).await?;
    stack.install().await?;
    let portal = stack.emulator.clone();
    portal.post("faults", json!({"delay_ms": REPLY_MS})).await?;
    due_together(&mut stack, DUE).await?;
    portal.counted("workflows_finished", DUE).await?;
    // A call is noted when its reply goes: two that are noted within the time of a reply were under way together.
    let mut calls = calls(&stack).await?;
    // A reading goes beside answers.
    calls.retain(|call| call.to_string().contains("bizproc.event.send"));
    let apart: Vec<i64> = calls.windows(2).map(|pair| time(&pair[1]) - time(&pair[0])).collect();
    let later = &apart[AT_ONCE - 1..];
    assert!(later.len() > 2, "{apart:?}");
    assert!(
        later.iter().all(|apart| *apart >= REPLY_MS * 1000),
        "one at a time after the first {AT_ONCE}: {apart:?}"
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
    let calls = calls(&stack).await?;
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
