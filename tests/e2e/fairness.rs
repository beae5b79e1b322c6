//! No portal and no executor waits for another one.

use serde_json::json;
use tests::{Calendar, Emulator, Shape, Stack};
use tokio::net::TcpListener;

const DUE: u64 = 2000;
const OTHERS: u64 = 20;
/// A portal this slow has given none of its second replies before the test is over, on the slowest machine.
const REPLY_MS: u64 = 20_000;

#[tokio::test]
async fn a_slow_portal_with_many_answers_due_delays_no_other() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let slow = &stack.emulator;
    let other = portal::NewPortal {
        name: "other".into(),
        ..portal::NewPortal::default()
    };
    let other = slow.another(other).await?;
    let mut app = stack.app();
    app["application_token"] = json!("99aabbccddeeff00112233445566778");
    stack.install_on(&other, app).await?;
    other.counted("calls:bizproc.activity.add", 2).await?;

    for method in ["bizproc.event.send", "batch"] {
        let late = json!({"method": method, "delay_ms": REPLY_MS});
        slow.post("faults", late).await?;
    }
    let workflows =
        |count: u64| json!({"steps": [{"code": "md5", "properties": {"inputString": "x"}}], "count": count});
    slow.post("workflows", workflows(DUE)).await?;
    slow.counted("callbacks_acknowledged", DUE).await?;
    other.post("workflows", workflows(OTHERS)).await?;
    other.counted("workflows_finished", OTHERS).await?;
    let counters = slow.get("counters").await?;
    assert!(counters["answers_applied"].as_u64() < Some(100), "{counters}");
    Ok(())
}

#[tokio::test]
async fn an_executor_that_hangs_delays_no_other() -> anyhow::Result<()> {
    // It takes connections and says nothing: a call to it takes its 30 s, and all of them together take minutes.
    let hangs = TcpListener::bind("127.0.0.1:0").await?;
    let more = Calendar::toml_at(&format!("http://{}", hangs.local_addr()?));
    let stack = Stack::start_with(Shape::Serve, Emulator::start().await?, &more, &[]).await?;
    stack.install().await?;
    let portal = &stack.emulator;
    portal.counted("calls:bizproc.activity.add", 3).await?;
    let workflows = |code: &str, count: u64| json!({"steps": [{"code": code, "properties": {}}], "count": count});
    portal.post("workflows", workflows("calendar.move", DUE)).await?;
    portal.counted("callbacks_acknowledged", DUE).await?;
    portal.post("workflows", workflows("md5", OTHERS)).await?;
    portal.counted("workflows_finished", OTHERS).await?;
    Ok(())
}
