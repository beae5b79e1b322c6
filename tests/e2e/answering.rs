//! Every answer arrives, whoever holds a workflow's lock when it comes.

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
    let answers = u64::from(workflows * branches);
    let sends = emulator.asked("bizproc.event.send").await?;
    let readings = emulator.asked("bizproc.workflow.instances").await?;
    assert!(
        sends * 10 <= answers * 11 && readings * 10 <= answers,
        "{sends} sends and {readings} readings for {answers} answers: {counters}"
    );
    Ok(())
}

fn branches_of(branches: u32) -> Value {
    let branch = |number| json!([{"name": format!("A{number}"), "code": "md5", "properties": {"inputString": "x"}}]);
    json!([{"parallel": (1..=branches).map(branch).collect::<Vec<_>>()}])
}

/// People and robots in one of twenty-five workflows at any moment, saves that another hit overwrites, and replies that break off.
async fn disturb(emulator: &Emulator) -> anyhow::Result<()> {
    let others = json!({"every_ms": 200, "percent": 5, "hold_ms": 50});
    emulator
        .set(json!({"lock_hold_ms": 20, "others": others, "lost_saves_percent": 3}))
        .await?;
    for method in ["bizproc.event.send", "batch", "bizproc.workflow.instances"] {
        let cut = json!({"method": method, "percent": 20, "work": true, "cut": true});
        emulator.post("faults", cut).await?;
    }
    Ok(())
}

/// Waits until all workflows have ended in spite of [`disturb`], which has left its marks.
async fn all_end(emulator: &Emulator, workflows: u64) -> anyhow::Result<()> {
    let wait = format!("wait?counter=workflows_finished&at_least={workflows}&timeout_ms=900000");
    let counters = emulator.get(&wait).await?;
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");
    let ignored = &counters["answers_ignored"];
    for happened in [
        &counters["saves_by_others"],
        &counters["replies"]["cut"],
        &ignored["locked"],
        &ignored["save_lost"],
    ] {
        assert!(happened.as_u64() > Some(0), "{counters}");
    }
    Ok(())
}

#[tokio::test]
async fn workflows_end_in_spite_of_others_and_cut_replies() -> anyhow::Result<()> {
    const WORKFLOWS: u64 = 1000;
    let stack = Stack::start_with(Shape::Serve, Emulator::start().await?, UNLIMITED, &[]).await?;
    stack.install().await?;
    let emulator = &stack.emulator;
    disturb(emulator).await?;
    for branches in [2, 4] {
        let started = json!({"steps": branches_of(branches), "count": WORKFLOWS / 2});
        emulator.post("workflows", started).await?;
    }
    all_end(emulator, WORKFLOWS).await
}

#[tokio::test]
async fn and_of_kills_of_the_gateway() -> anyhow::Result<()> {
    const WORKFLOWS: u64 = 200;
    let mut stack = Stack::start_with(Shape::Separate, Emulator::start().await?, UNLIMITED, &[]).await?;
    stack.install().await?;
    let emulator = stack.emulator.clone();
    disturb(&emulator).await?;
    for round in 1..=4 {
        let started = json!({"steps": branches_of(2), "count": WORKFLOWS / 4});
        emulator.post("workflows", started).await?;
        // A callback that no gateway takes is lost: that is the portal's.
        emulator
            .counted("callbacks_acknowledged", round * WORKFLOWS / 2)
            .await?;
        stack.process("gateway")?.kill().await?;
        stack.start_gateway()?;
        stack.gateway_ready().await?;
    }
    all_end(&emulator, WORKFLOWS).await
}
