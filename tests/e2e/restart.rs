//! Services that come and go.

use serde_json::json;
use tests::{Shape, Stack};

#[tokio::test]
async fn a_workflow_waits_for_an_executor_that_is_down() -> anyhow::Result<()> {
    let mut stack = Stack::start(Shape::Separate).await?;
    stack.install().await?;
    stack.process("hasher")?.kill().await?;
    let workflow = stack
        .emulator
        .workflow(json!([{"name": "A1", "code": "md5", "properties": {"inputString": "a"}}]))
        .await?;
    stack.emulator.counted("callbacks_acknowledged", 1).await?;
    stack.start_hasher().await?;
    let workflow = stack.emulator.finished(&workflow).await?;
    assert_eq!(
        workflow["values"]["A1"]["outputString"], "0cc175b9c0f1b6a831c399e269772661",
        "{workflow}"
    );
    Ok(())
}

#[tokio::test]
async fn the_gateway_takes_callbacks_while_the_registrar_is_down() -> anyhow::Result<()> {
    let mut stack = Stack::start(Shape::Separate).await?;
    stack.install().await?;
    stack.process("registrar")?.kill().await?;
    stack.process("gateway")?.terminate().await?;
    stack.start_gateway()?;
    stack.gateway_ready().await?;
    let workflow = stack
        .emulator
        .workflow(json!([{"name": "A1", "code": "md5", "properties": {"inputString": "a"}}]))
        .await?;
    stack.emulator.counted("callbacks_acknowledged", 1).await?;
    stack.start_registrar().await?;
    let workflow = stack.emulator.finished(&workflow).await?;
    assert_eq!(
        workflow["values"]["A1"]["outputString"], "0cc175b9c0f1b6a831c399e269772661",
        "{workflow}"
    );
    Ok(())
}

#[tokio::test]
async fn an_answer_waits_for_a_portal_that_is_down() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let overload = json!({"method": "bizproc.event.send", "times": 2, "status": 503, "body": "<html>overload</html>"});
    stack.emulator.post("faults", overload).await?;
    let workflow = stack
        .emulator
        .workflow(json!([{"name": "A1", "code": "md5", "properties": {"inputString": "a"}}]))
        .await?;
    let workflow = stack.emulator.finished(&workflow).await?;
    assert_eq!(
        workflow["values"]["A1"]["outputString"], "0cc175b9c0f1b6a831c399e269772661",
        "{workflow}"
    );
    Ok(())
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    stack
        .emulator
        .post(&format!("apps/{}/expire", tests::CLIENT_ID), json!({}))
        .await?;
    let step = json!({"name": "A1", "code": "md5", "properties": {"inputString": "a"}});
    stack
        .emulator
        .post("workflows", json!({"steps": [step], "count": 50}))
        .await?;
    stack.emulator.counted("workflows_finished", 50).await?;
    let oauth = stack
        .http
        .get(format!("{}/control/oauth", stack.emulator.running.control_url))
        .send()
        .await?;
    let oauth: serde_json::Value = oauth.json().await?;
    assert_eq!(
        (&oauth["refreshes"], &oauth["refreshes_of_used"]),
        (&json!(1), &json!(0)),
        "{oauth}"
    );
    Ok(())
}
