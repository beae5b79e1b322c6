//! Installing, and installing again.

use proto::registrar::v1::InstallationState::{Active, Incomplete};
use serde_json::{Value, json};
use tests::{CLIENT_ID, Shape, Stack, finish};

use super::{CODES, act, answers, bound, changes, exactly_desired, forget, install_by_event, rows, user};

#[tokio::test]
async fn an_app_with_ui_by_its_frame() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    let installed = stack.emulator.post("apps", stack.app()).await?;
    exactly_desired(&stack, 1).await?;
    stack.installation_in(Incomplete).await?;
    let page = finish(&stack.emulator, &installed).await?;
    assert!(page.contains("installFinish"), "{page}");
    // ONAPPINSTALL tells that the page's script has run.
    stack.installation_in(Active).await?;
    assert_eq!(events(&stack).await?, ["ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE"]);
    exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn an_app_with_ui_on_a_portal_with_the_old_frame() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.emulator.set(json!({"frame_extras": false})).await?;
    stack.install().await?;
    exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn an_app_without_ui_by_its_event() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    install_by_event(&stack).await?;
    stack.installation_in(Active).await?;
    exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn an_app_with_ui_again_with_its_activities_kept() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    stack.installation_in(Active).await?;
    let before = exactly_desired(&stack, 1).await?;
    forget(&stack).await?;
    let installed = act(&stack, "reinstall", Value::Null).await?;
    stack.installation_in(Incomplete).await?;
    let page = finish(&stack.emulator, &installed).await?;
    assert!(page.contains("installFinish"), "{page}");
    stack.installation_in(Active).await?;
    assert_eq!(exactly_desired(&stack, 1).await?, before);
    assert_eq!(changes(&stack).await?, [""; 0]);
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn an_app_without_ui_again_with_its_activities_kept() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    install_by_event(&stack).await?;
    let before = exactly_desired(&stack, 1).await?;
    act(&stack, "reinstall", Value::Null).await?;
    bound(&stack).await?;
    assert_eq!(exactly_desired(&stack, 1).await?, before);
    assert_eq!(changes(&stack).await?, [""; 0]);
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn an_app_again_by_a_registrar_that_knows_nothing_any_more() -> anyhow::Result<()> {
    let mut stack = Stack::start(Shape::Separate).await?;
    stack.install().await?;
    let before = exactly_desired(&stack, 1).await?;
    stack.process("registrar")?.terminate().await?;
    stack.store.forgets("registrar")?;
    stack.start_registrar().await?;
    stack.revision("md5").await?;
    forget(&stack).await?;
    let installed = act(&stack, "reinstall", Value::Null).await?;
    finish(&stack.emulator, &installed).await?;
    assert_eq!(exactly_desired(&stack, 1).await?, before);
    let changes = changes(&stack).await?;
    assert!(
        changes.len() == CODES.len() && changes.iter().all(|method| method.ends_with("update")),
        "{changes:?}"
    );
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn opened_by_somebody_who_is_no_administrator() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let before = exactly_desired(&stack, 1).await?;
    user(&stack, 7, false, true).await?;
    forget(&stack).await?;
    let opened = act(&stack, "open", json!({"user": 7})).await?;
    let page = finish(&stack.emulator, &opened).await?;
    assert!(page.contains("administrator"), "{page}");
    assert_eq!(changes(&stack).await?, [""; 0]);
    assert_eq!(rows(&stack.emulator, CLIENT_ID).await?, before);
    answers(&stack.emulator, CLIENT_ID).await
}

/// The events that the portal tells the gateway of.
pub(super) async fn events(stack: &Stack) -> anyhow::Result<Vec<String>> {
    let bound = stack.emulator.call(CLIENT_ID, "event.get").await?;
    let bound = bound.as_array().into_iter().flatten();
    let ours = bound.filter(|row| row["handler"] == stack.url("event"));
    let mut events: Vec<String> = ours.filter_map(|row| Some(row["event"].as_str()?.to_owned())).collect();
    events.sort();
    Ok(events)
}
