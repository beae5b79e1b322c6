//! Portals that are closed for a while, each with another word and status: their workflows wait, and end when they open.

use serde_json::{Value, json};
use tests::{Emulator, Shape, Stack};
use tokio::task::JoinSet;

/// What closed portals were seen to say, also with a reason that passes in a code that sounds final.
const REPLIES: [(&str, &str); 4] = [
    ("PORTAL_DELETED", "Portal was deleted"),
    ("ERROR_OAUTH", "<b>The disk quota has been exceeded</b>"),
    ("ERROR_OAUTH", "Превышена дисковая квота портала"),
    ("NO_AUTH_FOUND", "Wrong authorization data"),
];
const STATUSES: [u16; 3] = [200, 403, 500];
const WORKFLOWS: u64 = 3;
/// Calls that meet the closed portal before it opens.
const CALLS: u64 = 3;

#[tokio::test]
async fn every_workflow_ends_when_its_portal_opens_again() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    let mut closed = Vec::new();
    for (number, (code, text)) in REPLIES.into_iter().enumerate() {
        for status in STATUSES {
            let portal = portal(&stack, &format!("{number}-{status}")).await?;
            let before = requests(&portal).await?;
            let reply = json!({"error": code, "error_description": text});
            portal.close(status, reply.clone()).await?;
            portal
                .post("workflows", json!({"steps": [step()], "count": WORKFLOWS}))
                .await?;
            closed.push((portal, before, format!("{status} {reply}")));
        }
    }
    let mut portals = JoinSet::new();
    for (portal, before, reply) in closed {
        portals.spawn(async move {
            reopened(&portal, before)
                .await
                .err()
                .map(|error| format!("{reply}: {error}"))
        });
    }
    let hanging: Vec<String> = portals.join_all().await.into_iter().flatten().collect();
    assert!(hanging.is_empty(), "workflows hang after {hanging:#?}");
    Ok(())
}

/// Opens a portal that has been closed for some calls, and waits for its workflows.
async fn reopened(portal: &Emulator, before: u64) -> anyhow::Result<()> {
    let met = portal.counted("requests", before + CALLS).await;
    portal.open().await?;
    portal.counted("workflows_finished", 1 + WORKFLOWS).await?;
    met.map(drop)
}

/// A portal on which the app is installed and has answered.
pub(super) async fn portal(stack: &Stack, name: &str) -> anyhow::Result<Emulator> {
    let new = portal::NewPortal {
        name: name.into(),
        ..portal::NewPortal::default()
    };
    let portal = stack.emulator.another(new).await?;
    stack.install_on(&portal, stack.app()).await?;
    portal.counted("calls:bizproc.activity.add", 2).await?;
    portal.counted("calls:bizproc.robot.add", 1).await?;
    portal.counted("events_acknowledged", 1).await?;
    portal.post("workflows", json!({"steps": [step()]})).await?;
    portal.counted("workflows_finished", 1).await?;
    Ok(portal)
}

fn step() -> Value {
    json!({"code": "md5", "properties": {"inputString": "x"}})
}

async fn requests(portal: &Emulator) -> anyhow::Result<u64> {
    let counters: Value = portal.get("counters").await?;
    Ok(counters["requests"].as_u64().unwrap_or_default())
}
