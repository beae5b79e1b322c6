//! Several gateways on one PostgreSQL: each takes callbacks, one does the work, and another takes over from it.

use harness::until;
use serde_json::json;
use tests::{Emulator, Fleet};

/// Workflows that begin before, and while, something happens to a gateway.
const BATCH: u64 = 60;

async fn begin(portal: &Emulator) -> anyhow::Result<()> {
    let step = json!({"code": "md5", "properties": {"inputString": "text"}});
    let workflows = json!({"steps": [step, step], "count": BATCH});
    portal.post("workflows", workflows).await.map(drop)
}

/// All workflows that began have ended; nobody was refused, and nothing was answered twice.
async fn all_end(portal: &Emulator, workflows: u64) -> anyhow::Result<()> {
    let counters = portal.counted("workflows_finished", workflows).await?;
    assert_eq!(portal.get("unanswered").await?, json!([]), "{counters}");
    for none in [
        "callbacks_refused",
        "callbacks_failed",
        "steps_completed_twice",
        "steps_timed_out",
    ] {
        assert_eq!(counters[none], 0, "{none}: {counters}");
    }
    Ok(())
}

#[tokio::test]
async fn a_rolling_update_refuses_no_callback() -> anyhow::Result<()> {
    let mut fleet = Fleet::start(3).await?;
    fleet.stack.install().await?;
    for gateway in 0..3 {
        begin(&fleet.stack.emulator).await?;
        fleet.roll(gateway).await?;
    }
    begin(&fleet.stack.emulator).await?;
    all_end(&fleet.stack.emulator, 4 * BATCH).await
}

#[tokio::test]
async fn a_gateway_that_is_killed_is_taken_over() -> anyhow::Result<()> {
    let mut fleet = Fleet::start(2).await?;
    fleet.stack.install().await?;
    for round in 1..=3 {
        let works = fleet.works().await?;
        begin(&fleet.stack.emulator).await?;
        fleet
            .stack
            .emulator
            .counted("callbacks_acknowledged", BATCH * (2 * round - 1))
            .await?;
        fleet.kill(works).await?;
    }
    all_end(&fleet.stack.emulator, 3 * BATCH).await
}

#[tokio::test]
async fn a_gateway_that_was_stopped_for_a_while_does_nothing_when_it_is_back() -> anyhow::Result<()> {
    let mut fleet = Fleet::start(2).await?;
    fleet.stack.install().await?;
    let works = fleet.works().await?;
    let other = 1 - works;
    begin(&fleet.stack.emulator).await?;
    fleet.set_in(works, false);
    fleet.process(works).signal("STOP").await?;
    begin(&fleet.stack.emulator).await?;
    while fleet.works().await? != other {}
    let answered = fleet.stack.emulator.counted("workflows_finished", BATCH).await?;
    assert!(answered["workflows_finished"].as_u64() >= Some(BATCH));
    fleet.process(works).signal("CONT").await?;
    fleet.comes_back(works).await?;
    begin(&fleet.stack.emulator).await?;
    all_end(&fleet.stack.emulator, 3 * BATCH).await
}

/// The database ends every connection, again and again.
#[tokio::test]
async fn a_database_that_drops_its_connections_costs_no_callback() -> anyhow::Result<()> {
    const DROPS: u64 = 10;
    let fleet = Fleet::start(2).await?;
    fleet.stack.install().await?;
    for drop in 1..=DROPS {
        begin(&fleet.stack.emulator).await?;
        fleet
            .stack
            .emulator
            .counted("callbacks_acknowledged", 2 * BATCH * (drop - 1) + 1)
            .await?;
        fleet.stack.store.drops_connections()?;
    }
    all_end(&fleet.stack.emulator, DROPS * BATCH).await
}

/// Callbacks are refused meanwhile, and what was taken before ends when it is back.
#[tokio::test]
async fn a_database_that_is_away_for_a_while_loses_nothing_that_was_taken() -> anyhow::Result<()> {
    let fleet = Fleet::start(2).await?;
    let portal = &fleet.stack.emulator;
    fleet.stack.install().await?;
    begin(portal).await?;
    portal.counted("callbacks_acknowledged", BATCH / 2).await?;
    fleet.stack.store.refuses_connections(true)?;
    begin(portal).await?;
    portal.counted("callbacks_refused", 1).await?;
    fleet.stack.store.refuses_connections(false)?;
    begin(portal).await?;
    portal.counted("workflows_finished", BATCH).await?;
    // Steps that were never taken are lost, and the portal knows it.
    let unanswered = async || match portal.get("unanswered").await {
        Ok(steps) if steps == json!([]) => Ok(()),
        other => Err(other),
    };
    until(unanswered).await;
    let counters = portal.get("counters").await?;
    assert_eq!(counters["steps_completed_twice"], 0, "{counters}");
    assert_eq!(counters["callbacks_failed"], 0, "{counters}");
    Ok(())
}
