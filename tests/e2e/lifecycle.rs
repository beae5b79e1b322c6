//! What happens to an app on a portal, and that its activities are there afterwards.

use serde_json::{Value, json};
use tests::{CLIENT_ID, Shape, Stack};

#[tokio::test]
async fn activities_wiped_by_an_update_come_back_and_old_templates_work_again() -> anyhow::Result<()> {
    let mut stack = Stack::start(Shape::Separate).await?;
    stack.install().await?;
    let steps = json!([{"name": "A1", "code": "md5", "client_id": CLIENT_ID, "properties": {"inputString": "a"}}]);
    let before = stack.emulator.workflow(steps.clone()).await?;
    stack.emulator.finished(&before).await?;

    stack
        .emulator
        .post(&format!("apps/{CLIENT_ID}/update"), json!({"activities": "wiped"}))
        .await?;
    assert_eq!(
        stack.emulator.get("activities").await?,
        json!([]),
        "the update wiped them"
    );
    let wiped = stack.emulator.workflow(steps.clone()).await?;
    let wiped = stack.emulator.finished(&wiped).await?;
    assert_eq!(wiped["values"]["A1"], json!({}), "an unregistered step faults: {wiped}");

    // A pass of the registrar, asked for instead of waited for.
    stack.reconcile().await?;
    let codes = codes(&stack).await?;
    assert_eq!(codes, ["digest", "digest_robot", "md5"]);
    let after = stack.emulator.workflow(steps).await?;
    let after = stack.emulator.finished(&after).await?;
    assert_eq!(
        after["values"]["A1"]["outputString"], "0cc175b9c0f1b6a831c399e269772661",
        "{after}"
    );
    stack.process("registrar")?.terminate().await
}

#[tokio::test]
async fn a_frame_post_by_a_non_administrator_changes_nothing() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    stack
        .emulator
        .send("PUT", "users/7", Some(json!({"admin": false, "name": "Worker"})))
        .await?;
    stack.emulator.send("DELETE", "calls", None).await?;
    let opened = stack
        .emulator
        .post(&format!("apps/{CLIENT_ID}/open"), json!({"user": 7}))
        .await?;
    assert_eq!(opened["frame"]["status"], 200, "{opened}");
    assert!(
        opened["frame"]["body"]
            .as_str()
            .is_some_and(|page| page.contains("administrator")),
        "{opened}"
    );
    let calls = stack.emulator.get("calls").await?;
    let changing = |call: &&Value| {
        call["method"]
            .as_str()
            .is_some_and(|method| method.contains("add") || method.contains("update"))
    };
    assert_eq!(
        calls.as_array().into_iter().flatten().filter(changing).count(),
        0,
        "{calls}"
    );
    // The administrator's credentials still work.
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
async fn an_app_without_ui_is_installed_by_its_event() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    let mut app = stack.app();
    app["api_only"] = json!(true);
    app["install_url"] = json!(stack.url("event"));
    stack.emulator.post("apps", app).await?;
    stack.registered().await?;
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
async fn uninstalling_erases_the_credentials() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    stack
        .emulator
        .send("DELETE", &format!("apps/{CLIENT_ID}?clean=1"), None)
        .await?;
    stack.emulator.counted("events_acknowledged", 1).await?;
    let installation = stack
        .installation_in(proto::registrar::v1::InstallationState::Uninstalled)
        .await?;
    assert_eq!(installation.app, tests::APP);
    Ok(())
}

async fn codes(stack: &Stack) -> anyhow::Result<Vec<String>> {
    let activities = stack.emulator.get("activities").await?;
    let mut codes: Vec<String> = activities
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["CODE"].as_str())
        .map(Into::into)
        .collect();
    codes.sort();
    Ok(codes)
}
