//! Uninstalling: the portal deletes the app's activities, the registrar its credentials.

use harness::until;
use proto::registrar::v1::{
    InstallationState::{Active, Uninstalled},
    InstallationView,
};
use serde_json::json;
use tests::{CLIENT_ID, Shape, Stack};
use tonic::Code;

use super::{answers, exactly_desired, forget, rows, vigilant};

#[tokio::test]
async fn with_clean() -> anyhow::Result<()> {
    uninstalled(1).await
}

#[tokio::test]
async fn without_clean() -> anyhow::Result<()> {
    uninstalled(0).await
}

async fn uninstalled(clean: u8) -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    stack.installation_in(Active).await?;
    answers(&stack.emulator, CLIENT_ID).await?;
    uninstall(&stack, clean).await?;
    let installation = told(&stack).await?;
    assert_eq!(installation.activities, []);
    assert_eq!(rows(&stack.emulator, CLIENT_ID).await?, [""; 0]);
    let refused = stack.issue_token().await?.expect_err("no token of what is uninstalled");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");

    // Its tokens would be good again. The registrar has none to try that with.
    stack.emulator.post("installations", stack.app()).await?;
    forget(&stack).await?;
    stack.reconcile().await?;
    assert_eq!(stack.emulator.get("calls").await?, json!([]));
    stack.installation_in(Uninstalled).await?;

    stack.install().await?;
    stack.installation_in(Active).await?;
    exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await
}

#[tokio::test]
async fn without_a_word() -> anyhow::Result<()> {
    let stack = vigilant().await?;
    stack.install().await?;
    stack.installation_in(Active).await?;
    let lost = json!({"drop": 1, "drop_of": 1});
    stack.emulator.send("PUT", "relay", Some(lost)).await?;
    uninstall(&stack, 1).await?;
    let installation = stack.installation_in(Uninstalled).await?;
    assert_eq!(installation.activities, []);
    assert_eq!(rows(&stack.emulator, CLIENT_ID).await?, [""; 0]);
    stack.emulator.send("PUT", "relay", Some(json!({}))).await?;

    stack.install().await?;
    stack.installation_in(Active).await?;
    exactly_desired(&stack, 1).await?;
    answers(&stack.emulator, CLIENT_ID).await
}

pub(super) async fn uninstall(stack: &Stack, clean: u8) -> anyhow::Result<()> {
    let path = format!("apps/{CLIENT_ID}?clean={clean}");
    stack.emulator.send("DELETE", &path, None).await.map(drop)
}

/// The installation, once the event has come. A pass may find out before that, and keeps the credentials to look again.
pub(super) async fn told(stack: &Stack) -> anyhow::Result<InstallationView> {
    let ask = async || match stack.installation_in(Uninstalled).await? {
        told if told.problem.is_empty() => Ok(told),
        found => Err(anyhow::anyhow!("no event yet: {found:?}")),
    };
    Ok(until(ask).await)
}
