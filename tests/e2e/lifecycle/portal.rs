//! What changes about a portal while the app is installed on it.

use proto::registrar::v1::InstallationState::{Active, NoBizproc};
use serde_json::json;
use tests::{CLIENT_ID, Shape, Stack, finish};

use super::{
    CODES, act, answered, answers, exactly_desired, rows,
    uninstall::{told, uninstall},
    user, vigilant,
};

#[tokio::test]
async fn its_administrator_is_fired() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    // So that the gateway has a token of his at hand.
    answers(&stack.emulator, CLIENT_ID).await?;
    user(&stack, 1, true, false).await?;
    user(&stack, 2, true, true).await?;
    let step = json!({"name": "A1", "code": "md5", "properties": {"inputString": "a"}});
    let waiting = stack.emulator.workflow(json!([step])).await?;
    stack.emulator.counted("calls:bizproc.event.send", 2).await?;

    let opened = act(&stack, "open", json!({"user": 2})).await?;
    finish(&stack.emulator, &opened).await?;
    exactly_desired(&stack, 2).await?;
    assert_eq!(stack.installation_in(Active).await?.user_id, 2);
    answered(&stack.emulator, &waiting).await?;
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn its_plan_has_no_business_processes_for_a_while() -> anyhow::Result<()> {
    let stack = vigilant().await?;
    stack.emulator.set(json!({"bizproc": false})).await?;
    let page = stack.install_on(&stack.emulator, stack.app()).await?;
    assert!(page.contains("no business processes"), "{page}");
    stack.installation_in(NoBizproc).await?;
    assert_eq!(rows(&stack.emulator, CLIENT_ID).await?, [""; 0]);

    stack.emulator.set(json!({"bizproc": true})).await?;
    stack.emulator.holds(CLIENT_ID, &CODES).await?;
    stack.installation_in(Active).await?;
    let before = exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await?;

    stack.emulator.set(json!({"bizproc": false})).await?;
    stack.installation_in(NoBizproc).await?;
    stack.emulator.set(json!({"bizproc": true})).await?;
    stack.installation_in(Active).await?;
    assert_eq!(exactly_desired(&stack, 1).await?, before);
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn it_is_renamed() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    // So that the gateway has the old address at hand.
    answers(&stack.emulator, CLIENT_ID).await?;
    let before = exactly_desired(&stack, 1).await?;
    let moved = stack.emulator.post("rename", json!({})).await?;
    answers(&stack.emulator, CLIENT_ID).await?;
    let installation = stack.installation_in(Active).await?;
    assert_eq!(json!(installation.client_endpoint), moved["client_endpoint"]);
    assert_eq!(exactly_desired(&stack, 1).await?, before);

    act(&stack, "update", json!({"activities": "wiped"})).await?;
    stack.reconcile().await?;
    assert_eq!(exactly_desired(&stack, 1).await?, before);
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn its_application_token_changes() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    stack.installation_in(Active).await?;
    let new = json!({"application_token": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"});
    stack
        .emulator
        .send("PATCH", &format!("apps/{CLIENT_ID}"), Some(new))
        .await?;
    // The first callback proves itself, and teaches the new one.
    answers(&stack.emulator, CLIENT_ID).await?;
    answers(&stack.emulator, CLIENT_ID).await?;
    exactly_desired(&stack, 1).await?;
    // There is no other proof of an uninstallation.
    uninstall(&stack, 1).await?;
    told(&stack).await?;
    assert_eq!(rows(&stack.emulator, CLIENT_ID).await?, [""; 0]);
    assert!(stack.issue_token().await?.is_err());
    Ok(())
}
