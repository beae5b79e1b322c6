//! Moments: what a portal writes becomes a `google.protobuf.Timestamp`, and back, by what is configured for that portal.

use portal::NewPortal;
use proto::registrar::v1::{InstallationState, InstallationView};
use serde_json::{Value, json};
use tests::{APP, Calendar, Emulator, Shape, Stack};

/// The portal's server is three hours ahead of UTC, as in Moscow.
async fn emulator(culture: &str) -> anyhow::Result<Emulator> {
    let mut portal = NewPortal::default();
    portal.settings.zone_offset = 3 * 3600;
    portal.settings.culture = culture.into();
    Emulator::start_as(portal).await
}

async fn installed(stack: &Stack) -> anyhow::Result<InstallationView> {
    stack.install().await?;
    // The hasher's two and the calendar's.
    stack.emulator.counted("calls:bizproc.activity.add", 3).await?;
    stack.installation_in(InstallationState::Active).await
}

async fn moved(stack: &Stack, properties: Value) -> anyhow::Result<Value> {
    let step = json!({"name": "A1", "code": "calendar.move", "properties": properties});
    let workflow = stack.emulator.workflow(json!([step])).await?;
    stack.emulator.finished(&workflow).await
}

#[tokio::test]
async fn a_portals_dates_are_read_by_its_culture_and_zone_and_go_back_exactly() -> anyhow::Result<()> {
    let calendar = Calendar::start().await?;
    let emulator = emulator("DD.MM.YYYY HH:MI:SS").await?;
    let member_id = emulator.portal().member_id.clone();
    let more = format!(
        "{}[registrar.apps.{APP}.portals.{member_id}]\nculture = 'DD.MM.YYYY HH:MI:SS'\ntime_zone = 'Europe/Moscow'\n",
        calendar.toml()
    );
    let stack = Stack::start_with(Shape::Separate, emulator, &more, &[]).await?;
    let installation = installed(&stack).await?;
    assert_eq!(
        (&*installation.culture, &*installation.time_zone),
        ("DD.MM.YYYY HH:MI:SS", "Europe/Moscow")
    );

    let others = ["24.11.2026 10:00:00", "24.11.2026", "24.11.2026 10:00:00 [7200]"];
    let dates = json!({"start": "24.11.2026 10:00:00", "days": 1, "others": others, "written": "24.11.2026 [0]"});
    let workflow = moved(&stack, dates).await?;
    let values = &workflow["values"]["A1"];
    // As the portal shows what it was given.
    assert_eq!(values["end"], "2026-11-25T10:00:00+03:00", "{workflow}");
    let sorted = [
        "2026-11-24T00:00:00+03:00",
        "2026-11-24T08:00:00+03:00",
        "2026-11-24T10:00:00+03:00",
    ];
    assert_eq!(values["sorted"], json!(sorted), "{workflow}");
    assert_eq!(values["echo"], "24.11.2026 [0]", "a text is carried as it is");
    let sent = stack.emulator.get("calls?method=bizproc.event.send").await?.to_string();
    assert!(sent.contains("1795590000"), "unix seconds: {sent}");

    let untouched = moved(&stack, json!({"start": null, "others": null})).await?;
    assert_eq!(untouched["values"]["A1"]["errorCode"], "", "{untouched}");

    let workflow = moved(&stack, json!({"start": "11/24/2026 10:00:00 am"})).await?;
    assert_ne!(workflow["values"]["A1"]["errorCode"], "", "{workflow}");
    let log = workflow["log"].to_string();
    let setting = format!("registrar.apps.{APP}.portals.{member_id}.culture");
    for part in ["start", "11/24/2026", "DD.MM.YYYY HH:MI:SS", &setting] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    Ok(())
}

#[tokio::test]
async fn another_culture_by_environment() -> anyhow::Result<()> {
    let calendar = Calendar::start().await?;
    let emulator = emulator("MM/DD/YYYY H:MI:SS T").await?;
    let variable = format!(
        "REGISTRAR__APPS__DEMO__PORTALS__{}",
        emulator.portal().member_id.to_uppercase()
    );
    let (culture, zone) = (format!("{variable}__CULTURE"), format!("{variable}__TIME_ZONE"));
    let variables = [(&*culture, "MM/DD/YYYY H:MI:SS T"), (&*zone, "America/New_York")];
    let stack = Stack::start_with(Shape::Serve, emulator, &calendar.toml(), &variables).await?;
    installed(&stack).await?;
    let workflow = moved(&stack, json!({"start": "11/24/2026 10:00:00 pm"})).await?;
    // 22:00 in New York is 6:00 of the next day in Moscow.
    assert_eq!(
        workflow["values"]["A1"]["end"], "2026-11-25T06:00:00+03:00",
        "{workflow}"
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_guessed_about_a_portal_that_is_not_configured() -> anyhow::Result<()> {
    let calendar = Calendar::start().await?;
    let emulator = emulator("DD.MM.YYYY HH:MI:SS").await?;
    let member_id = emulator.portal().member_id.clone();
    let stack = Stack::start_with(Shape::Serve, emulator, &calendar.toml(), &[]).await?;
    let installation = installed(&stack).await?;
    assert_eq!((&*installation.culture, &*installation.time_zone), ("", ""));

    let workflow = moved(&stack, json!({"start": "24.11.2026 10:00:00"})).await?;
    assert_ne!(workflow["values"]["A1"]["errorCode"], "", "{workflow}");
    let log = workflow["log"].to_string();
    let table = format!("registrar.apps.{APP}.portals.{member_id}");
    for part in [
        "start",
        "24.11.2026 10:00:00",
        &format!("{table}.culture"),
        &format!("{table}.time_zone"),
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    Ok(())
}
