//! A workflow whose lock is held drops answers silently.

use proto::gateway::v1::State;
use serde_json::json;
use tests::{Shape, Stack, jobs, settled};

#[tokio::test]
async fn an_answer_that_meets_the_lock_is_dropped_and_its_job_stays_visible_as_sent() -> anyhow::Result<()> {
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

    // The portal says `true` to both and drops both: a sender that believes it has lost them.
    let counters = emulator.counted("answers_ignored.locked", 2).await?;
    assert_eq!(
        (&counters["answers_accepted"], &counters["answers_applied"]),
        (&json!(2), &json!(0)),
        "{counters}"
    );
    emulator
        .send("DELETE", &format!("workflows/{workflow}/lock"), None)
        .await?;
    let still = emulator.get(&format!("workflows/{workflow}")).await?;
    assert_eq!(still["state"], "running", "{still}");

    settled(&stack, &workflow, State::Sent).await?;
    let jobs = jobs(&stack, &workflow).await?;
    assert_eq!(jobs.len(), 2);
    Ok(())
}
