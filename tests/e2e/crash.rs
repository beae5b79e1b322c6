//! `kill -9` of the gateway under load: every callback that got its 200 is answered.

use serde_json::json;
use tests::{Shape, Stack};

const KILLS: usize = 50;
const WORKFLOWS: u64 = 40;

#[tokio::test]
async fn an_acknowledged_callback_survives_any_crash() -> anyhow::Result<()> {
    let mut stack = Stack::start(Shape::Separate).await?;
    stack.install().await?;
    let step = json!({"code": "md5", "properties": {"inputString": "text"}});
    for round in 1..=KILLS {
        let acknowledged = stack.emulator.get("counters").await?["callbacks_acknowledged"]
            .as_u64()
            .unwrap_or_default();
        stack
            .emulator
            .post("workflows", json!({"steps": [step], "count": WORKFLOWS}))
            .await?;
        // Somewhere in the middle of the work, elsewhere each time.
        let enough = acknowledged + round as u64 % (WORKFLOWS / 2);
        stack.emulator.counted("callbacks_acknowledged", enough).await?;
        stack.process("gateway")?.kill().await?;
        stack.start_gateway()?;
        stack.gateway_ready().await?;
    }
    // The last word: callbacks that were never acknowledged are lost, and the portal knows it.
    stack.emulator.post("workflows", json!({"steps": [step]})).await?;
    let steps = stack.emulator.counted("steps_acknowledged", 1).await?["steps_acknowledged"]
        .as_u64()
        .unwrap_or_default();
    let counters = stack.emulator.counted("steps_acknowledged_and_answered", steps).await?;
    assert_eq!(stack.emulator.get("unanswered").await?, json!([]), "{counters}");
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");
    assert!(steps > KILLS as u64, "the kills left room for work: {counters}");
    assert!(
        counters["callbacks_failed"].as_u64() > Some(0),
        "the kills hit the work: {counters}"
    );
    Ok(())
}
