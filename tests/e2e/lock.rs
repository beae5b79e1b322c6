//! A workflow whose lock is held drops answers silently; they are sent again.

use proto::gateway::v1::State;
use serde_json::json;
use tests::{Shape, Stack, jobs, settled};

#[tokio::test]
async fn answers_that_meet_the_lock_are_sent_again_when_it_is_free() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let emulator = &stack.emulator;
    // The answers must not come before the lock is held.
    emulator.send("PUT", "relay", Some(json!({"paused": true}))).await?;
    let step = |name: &str| json!({"name": name, "code": "md5", "properties": {"inputString": name}});
    let workflow = emulator
        .workflow(json!([{"parallel": [[step("A1")], [step("A2")]]}]))
        .await?;
    emulator.post(&format!("workflows/{workflow}/lock"), json!({})).await?;
    emulator.send("PUT", "relay", Some(json!({"paused": false}))).await?;

    // The portal says `true` and drops it: a sender that believes it has lost it.
    let counters = emulator.counted("answers_ignored.locked", 1).await?;
    assert_eq!(counters["answers_applied"], 0, "{counters}");
    emulator
        .send("DELETE", &format!("workflows/{workflow}/lock"), None)
        .await?;
    // Nothing of the two is seen: they go once more, together.
    emulator.finished(&workflow).await?;
    settled(&stack, &workflow, State::Done).await?;
    let jobs = jobs(&stack, &workflow).await?;
    assert_eq!(jobs.len(), 2);
    Ok(())
}
