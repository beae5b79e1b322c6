//! A portal on which others work, too: their hits hold locks, saves are lost to them, and replies break off.

use serde_json::json;
use tests::{Emulator, Shape, Stack};

const WORKFLOWS: u64 = 1000;
const BRANCHES: u64 = 2;

#[tokio::test]
async fn workflows_end_though_others_hold_their_locks() -> anyhow::Result<()> {
    let unlimited = "[gateway.limits]\nportal_per_second = 0\n";
    let stack = Stack::start_with(Shape::Serve, Emulator::start().await?, unlimited, &[]).await?;
    stack.install().await?;
    let portal = &stack.emulator;
    // At any moment others are in one of twenty-five workflows.
    let others = json!({"every_ms": 200, "percent": 20, "hold_ms": 50});
    portal
        .set(json!({"lock_hold_ms": 20, "others": others, "lost_saves_percent": 1}))
        .await?;
    for method in ["bizproc.event.send", "batch", "bizproc.workflow.instances"] {
        let cut = json!({"method": method, "percent": 10, "work": true, "cut": true});
        portal.post("faults", cut).await?;
    }
    let branch = |number| json!([{"name": format!("A{number}"), "code": "md5", "properties": {"inputString": "x"}}]);
    let steps = json!([{"parallel": (1..=BRANCHES).map(branch).collect::<Vec<_>>()}]);
    portal
        .post("workflows", json!({"steps": steps, "count": WORKFLOWS}))
        .await?;
    let wait = format!("wait?counter=workflows_finished&at_least={WORKFLOWS}&timeout_ms=900000");
    let counters = portal.get(&wait).await?;
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");
    for happened in [
        "saves_by_others",
        "replies.cut",
        "answers_ignored.locked",
        "answers_ignored.save_lost",
    ] {
        let count = happened.split('.').fold(&counters, |value, part| &value[part]);
        assert!(count.as_u64() > Some(0), "{happened}: {counters}");
    }
    Ok(())
}
