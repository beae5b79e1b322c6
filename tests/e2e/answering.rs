//! Every answer arrives, whoever holds a workflow's lock when it comes.

use serde_json::json;
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
    let branch = |number| json!([{"name": format!("A{number}"), "code": "md5", "properties": {"inputString": "x"}}]);
    let steps = json!([{"parallel": (1..=branches).map(branch).collect::<Vec<_>>()}]);
    for _ in 0..workflows {
        emulator.workflow(steps.clone()).await?;
    }
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
