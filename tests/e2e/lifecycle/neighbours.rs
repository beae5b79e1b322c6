//! Two apps on one portal, and one app on two portals.

use proto::registrar::v1::InstallationState::{Active, Uninstalled};
use serde_json::json;
use tests::{APP, CLIENT_ID, Emulator, Shape, Stack};

use super::{CODES, act, answers, desired_on, exactly_desired, rows, uninstall::uninstall};

const OTHER: (&str, &str) = ("other", "local.6a7b8c9d0e1f2a.87654321");
const OTHER_SECRET: &str = "secret-of-the-other-app";

#[tokio::test]
async fn two_apps_on_one_portal() -> anyhow::Result<()> {
    let (name, client_id) = OTHER;
    let more = format!("[registrar.apps.{name}]\nclient_id = '{client_id}'\nclient_secret = '{OTHER_SECRET}'\n");
    let stack = Stack::start_with(Shape::Serve, Emulator::start().await?, &more, &[]).await?;
    let portal = &stack.emulator;
    stack.install().await?;
    let mut app = stack.app_of(name, client_id, OTHER_SECRET);
    app["application_token"] = json!("99aabbccddeeff00112233445566778");
    stack.install_on(portal, app).await?;
    exactly_desired(&stack, 1).await?;
    let others = desired_on(&stack, portal, OTHER, 1).await?;
    assert_eq!(
        portal.get("activities").await?.as_array().map(Vec::len),
        Some(2 * CODES.len())
    );
    answers(portal, CLIENT_ID).await?;
    answers(portal, client_id).await?;

    uninstall(&stack, 1).await?;
    stack.installation_of(APP, portal.portal(), Uninstalled).await?;
    assert_eq!(rows(portal, CLIENT_ID).await?, [""; 0]);
    stack.installation_of(name, portal.portal(), Active).await?;
    stack.reconcile().await?;
    assert_eq!(desired_on(&stack, portal, OTHER, 1).await?, others);
    answers(portal, client_id).await
}

#[tokio::test]
async fn one_app_on_two_portals() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    let branch = portal::NewPortal {
        name: "branch".into(),
        ..portal::NewPortal::default()
    };
    let branch = stack.emulator.another(branch).await?;
    let app = (APP, CLIENT_ID);
    stack.install().await?;
    let mut row = stack.app();
    row["application_token"] = json!("99aabbccddeeff00112233445566778");
    stack.install_on(&branch, row).await?;
    exactly_desired(&stack, 1).await?;
    let there = desired_on(&stack, &branch, app, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await?;
    answers(&branch, CLIENT_ID).await?;

    // What happens on one of them leaves the other alone.
    act(&stack, "update", json!({"activities": "wiped"})).await?;
    assert_eq!(desired_on(&stack, &branch, app, 1).await?, there);
    stack.reconcile().await?;
    exactly_desired(&stack, 1).await?;
    uninstall(&stack, 0).await?;
    stack.installation_of(APP, stack.emulator.portal(), Uninstalled).await?;
    assert_eq!(rows(&stack.emulator, CLIENT_ID).await?, [""; 0]);
    stack.installation_of(APP, branch.portal(), Active).await?;
    assert_eq!(desired_on(&stack, &branch, app, 1).await?, there);
    answers(&branch, CLIENT_ID).await
}
