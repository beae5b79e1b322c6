//! Every answer arrives, whoever holds a workflow's lock when it comes.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Emulator, Shape, Stack};

/// Limits of a portal of one's own: none.
const UNLIMITED: &str = "[gateway.limits]\nportal_per_second = 0\n";

#[tokio::test]
async fn workflows_of_two_branches_end() -> anyhow::Result<()> {
    branches(1000, 2, 20).await?;
    branches(1000, 2, 200).await
}

#[tokio::test]
async fn workflows_of_four_branches_end() -> anyhow::Result<()> {
    branches(1000, 4, 20).await?;
    branches(1000, 4, 200).await
}

/// Workflows whose branches wait at once, on a portal whose hits hold a workflow's lock for a while.
async fn branches(workflows: u32, branches: u32, hold: u32) -> anyhow::Result<()> {
    let stack = Stack::start_with(Shape::Serve, Emulator::start().await?, UNLIMITED, &[]).await?;
    stack.install().await?;
    let emulator = &stack.emulator;
    emulator.set(json!({"lock_hold_ms": hold})).await?;
    let started = json!({"steps": branches_of(branches), "count": workflows});
    emulator.post("workflows", started).await?;
    let counters = emulator.counted("workflows_finished", workflows.into()).await?;
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");
    let answers = f64::from(workflows * branches);
    let (sends, reads) = (
        stack.count("gateway_sends_total").await? / answers,
        stack.count("gateway_readings_total").await? / answers,
    );
    assert!(
        sends <= 1.1 && reads <= 0.1,
        "{sends:.2} sends and {reads:.2} readings an answer: {counters}"
    );
    Ok(())
}

fn branches_of(branches: u32) -> Value {
    let branch = |number| json!([{"name": format!("A{number}"), "code": "md5", "properties": {"inputString": "x"}}]);
    json!([{"parallel": (1..=branches).map(branch).collect::<Vec<_>>()}])
}

/// Other hits in the workflows, saves that another hit overwrites, replies that are cut off, and a gateway that is killed.
#[tokio::test]
async fn workflows_end_in_spite_of_others_cut_replies_and_kills() -> anyhow::Result<()> {
    const WORKFLOWS: u32 = 200;
    let mut stack = Stack::start_with(Shape::Separate, Emulator::start().await?, UNLIMITED, &[]).await?;
    stack.install().await?;
    let emulator = stack.emulator.clone();
    emulator.set(json!({"lock_hold_ms": 20, "lost_saves": 20})).await?;
    for (after, method) in [(5, "bizproc.event.send"), (3, "batch"), (9, "batch"), (20, "batch")] {
        let cut = json!({"method": method, "after": after, "times": 1, "work": true, "cut": true});
        emulator.post("faults", cut).await?;
    }
    let steps = branches_of(2);
    let mut workflows = Vec::new();
    for _ in 0..WORKFLOWS {
        workflows.push(emulator.workflow(steps.clone()).await?);
    }
    let others = tokio::spawn(others(emulator.clone(), workflows));
    for round in 1..=4 {
        emulator
            .counted("answers_accepted", u64::from(WORKFLOWS) * round / 4)
            .await?;
        stack.process("gateway")?.kill().await?;
        stack.start_gateway()?;
        stack.gateway_ready().await?;
    }
    let wait = format!("wait?counter=workflows_finished&at_least={WORKFLOWS}&timeout_ms=600000");
    let counters = emulator.get(&wait).await?;
    others.abort();
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");
    assert_eq!(counters["answers_ignored"]["save_lost"], 20, "{counters}");
    assert!(counters["answers_ignored"]["locked"].as_u64() > Some(0), "{counters}");
    Ok(())
}

/// Another hit in one workflow after the other.
async fn others(emulator: Emulator, workflows: Vec<String>) {
    for workflow in workflows.iter().cycle() {
        let lock = format!("workflows/{workflow}/lock");
        // A workflow that is over has no lock.
        if emulator.post(&lock, json!({})).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(emulator.send("DELETE", &lock, None).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::task::yield_now().await;
    }
}

/// Two requests a second are the portal's limit: answers that wait go together.
#[tokio::test]
async fn a_portals_limit_is_kept() -> anyhow::Result<()> {
    const ANSWERS: u32 = 2000;
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let emulator = &stack.emulator;
    emulator.set(json!({"limiter": true, "lock_hold_ms": 50})).await?;
    let started = json!({"steps": branches_of(1), "count": ANSWERS});
    emulator.post("workflows", started).await?;
    let counters = emulator.counted("workflows_finished", ANSWERS.into()).await?;
    assert_eq!(counters["answers_ignored"]["locked"], 0, "{counters}");
    let refused = stack.count("gateway_sends_total{result=\"portal_in_trouble\"}").await?;
    let requests = stack.count("gateway_requests_total").await?;
    println!("{requests} requests, {refused} refused; {}\n{counters}", stack.metrics().await?);
    Ok(())
}
