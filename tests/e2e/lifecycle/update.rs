//! Updates: of activities wiped or kept, told of by events or not.

use proto::registrar::v1::InstallationState::{Active, Incomplete};
use serde_json::json;
use tests::{CLIENT_ID, Shape, Stack, finish};

use super::{
    CODES, act, answers, bound, changes, exactly_desired, forget, install::events, install_by_event, user, vigilant,
};

#[tokio::test]
async fn wiping_with_an_install_event() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    install_by_event(&stack).await?;
    act(&stack, "update", json!({"activities": "wiped", "events": ["install"]})).await?;
    bound(&stack).await?;
    exactly_desired(&stack, 1).await?;
    assert_eq!(changes(&stack).await?.len(), CODES.len());
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn wiping_with_an_update_event() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    stack.installation_in(Active).await?;
    act(&stack, "update", json!({"activities": "wiped", "events": ["update"]})).await?;
    stack.emulator.holds(CLIENT_ID, &CODES).await?;
    exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn wiping_without_events() -> anyhow::Result<()> {
    let stack = vigilant().await?;
    stack.install().await?;
    forget(&stack).await?;
    act(&stack, "update", json!({"activities": "wiped"})).await?;
    stack.emulator.holds(CLIENT_ID, &CODES).await?;
    exactly_desired(&stack, 1).await?;
    assert_eq!(changes(&stack).await?.len(), CODES.len(), "it was wiped");
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn wiping_until_an_operator_asks_for_a_look() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let steps = json!([{"name": "A1", "code": "md5", "client_id": CLIENT_ID, "properties": {"inputString": "a"}}]);
    act(&stack, "update", json!({"activities": "wiped"})).await?;
    assert_eq!(stack.emulator.get("activities").await?, json!([]));
    let wiped = stack.emulator.workflow(steps).await?;
    let wiped = stack.emulator.finished(&wiped).await?;
    assert_eq!(wiped["values"]["A1"], json!({}), "an unregistered step faults: {wiped}");
    stack.reconcile().await?;
    exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn keeping_with_events() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    install_by_event(&stack).await?;
    let before = exactly_desired(&stack, 1).await?;
    act(
        &stack,
        "update",
        json!({"activities": "kept", "events": ["install", "update"]}),
    )
    .await?;
    bound(&stack).await?;
    stack.emulator.counted("events_acknowledged", 3).await?;
    stack.reconcile().await?;
    assert_eq!(exactly_desired(&stack, 1).await?, before);
    assert_eq!(changes(&stack).await?, [""; 0]);
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn keeping_without_events() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    install_by_event(&stack).await?;
    let before = exactly_desired(&stack, 1).await?;
    act(&stack, "update", json!({"activities": "kept", "version": 7})).await?;
    stack.reconcile().await?;
    assert_eq!(exactly_desired(&stack, 1).await?, before);
    assert_eq!(changes(&stack).await?, [""; 0]);
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn wiping_an_app_with_ui_until_its_installer_is_opened() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.emulator.set(json!({"sync_install_handlers": true})).await?;
    stack.install().await?;
    stack.installation_in(Active).await?;
    // The portal forgets who wants ONAPPINSTALL: nothing tells of this update but the frame.
    let updated = act(
        &stack,
        "update",
        json!({"activities": "wiped", "events": ["install"], "frame": true}),
    )
    .await?;
    exactly_desired(&stack, 1).await?;
    stack.installation_in(Incomplete).await?;
    let page = finish(&stack.emulator, &updated).await?;
    assert!(page.contains("installFinish"), "{page}");
    stack.installation_in(Active).await?;
    assert_eq!(events(&stack).await?, ["ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE"]);
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn by_another_administrator_in_the_frame() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    stack.installation_in(Active).await?;
    user(&stack, 2, true, true).await?;
    let updated = act(
        &stack,
        "update",
        json!({"activities": "kept", "frame": true, "user": 2}),
    )
    .await?;
    finish(&stack.emulator, &updated).await?;
    by_another(&stack).await
}

#[tokio::test]
async fn by_another_administrator_with_an_event() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    install_by_event(&stack).await?;
    user(&stack, 2, true, true).await?;
    let how = json!({"activities": "wiped", "events": ["install"], "user": 2});
    act(&stack, "update", how).await?;
    bound(&stack).await?;
    by_another(&stack).await
}

/// The second administrator's credentials are used and his activities registered: the first one is not needed any more.
async fn by_another(stack: &Stack) -> anyhow::Result<()> {
    exactly_desired(stack, 2).await?;
    assert_eq!(stack.installation_in(Active).await?.user_id, 2);
    user(stack, 1, true, false).await?;
    answers(&stack.emulator, CLIENT_ID).await
}
