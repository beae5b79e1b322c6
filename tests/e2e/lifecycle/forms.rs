//! Events of other ages and spellings, and bodies that reach another address than theirs.

use proto::registrar::v1::InstallationState::Active;
use serde_json::{Value, json};
use tests::{CLIENT_ID, Shape, Stack, finish};

use super::{
    act, answers, exactly_desired, install_by_event, rows,
    uninstall::{told, uninstall},
};

#[tokio::test]
async fn old_events() -> anyhow::Result<()> {
    events_of(json!({"old_events": true})).await
}

#[tokio::test]
async fn events_with_lower_case_names() -> anyhow::Result<()> {
    events_of(json!({"lower_case_events": true})).await
}

/// Installed and uninstalled by events of such a portal.
async fn events_of(portal: Value) -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.emulator.set(portal).await?;
    install_by_event(&stack).await?;
    stack.installation_in(Active).await?;
    exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await?;
    uninstall(&stack, 1).await?;
    told(&stack).await?;
    assert_eq!(rows(&stack.emulator, CLIENT_ID).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn callbacks_at_the_addresses_of_events_and_pages() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    for path in ["event", "page"] {
        astray(&stack, path).await?;
        answers(&stack.emulator, CLIENT_ID).await?;
    }
    exactly_desired(&stack, 1).await.map(drop)
}

#[tokio::test]
async fn events_at_the_addresses_of_activities_and_pages() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    for path in ["activity/0123456789abcdef", "page"] {
        astray(&stack, path).await?;
        install_by_event(&stack).await?;
        stack.installation_in(Active).await?;
        exactly_desired(&stack, 1).await?;
        uninstall(&stack, 0).await?;
        told(&stack).await?;
    }
    assert_eq!(rows(&stack.emulator, CLIENT_ID).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn frames_at_the_addresses_of_events_and_activities() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    let mut app = stack.app();
    app["install_url"] = json!(stack.url("event"));
    app["url"] = json!(stack.url("activity/0123456789abcdef"));
    let page = stack.install_on(&stack.emulator, app).await?;
    assert!(page.contains("installFinish"), "{page}");
    stack.installation_in(Active).await?;
    exactly_desired(&stack, 1).await?;
    act(&stack, "update", json!({"activities": "wiped"})).await?;
    let opened = act(&stack, "open", json!({})).await?;
    finish(&stack.emulator, &opened).await?;
    exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await
}

/// Everything that the portal posts goes to this address of the app.
async fn astray(stack: &Stack, path: &str) -> anyhow::Result<()> {
    let path = format!("/bitrix/{}/{path}", tests::APP);
    let relay = json!({ "path": path });
    stack.emulator.send("PUT", "relay", Some(relay)).await.map(drop)
}
