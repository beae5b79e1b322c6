//! What gateways are told.

use proto::registrar::v1::{InstallationState as State, SyncRequest};

use registrar::Portal;

use crate::{fake::MEMBER, harness::Harness};

const ONE: [(&str, &str); 1] = [("md5", "MD5")];

#[tokio::test]
async fn a_gateway_gets_all_once_and_then_only_changes() {
    let harness = Harness::start(&ONE).await;
    let snapshot = harness.sync_until(|snapshot| !snapshot.revisions.is_empty()).await;
    assert_eq!(snapshot.apps, ["demo"]);
    let revision = &snapshot.revisions[0];
    assert_eq!(
        (revision.app.as_str(), revision.executor.as_str(), revision.current),
        ("demo", "tools", true)
    );
    assert_eq!(
        (revision.executor_uri.as_str(), revision.revision.len()),
        ("http://127.0.0.1:9", 16)
    );
    assert_eq!(revision.allowed_codes, ["*"]);
    let set = activity::Set::read(&revision.descriptors, &activity::Limits::default()).unwrap();
    assert_eq!(
        set.revision().to_string(),
        revision.revision,
        "the descriptors are those of the revision"
    );
    assert!(set.find("md5").is_some());

    let same = harness.sync(&snapshot.version, 0).await;
    assert!(same.unchanged && same.revisions.is_empty() && same.apps.is_empty());
    assert_eq!(same.version, snapshot.version);

    let request = SyncRequest {
        known_revisions: vec![revision.revision.clone()],
        ..SyncRequest::default()
    };
    let known = harness.service().sync(request).await.unwrap().into_inner();
    assert!(known.revisions[0].descriptors.is_empty(), "it holds them");
    assert_eq!(known.version, snapshot.version);
}

#[tokio::test]
async fn a_waiting_gateway_hears_of_every_change() {
    let harness = Harness::start(&ONE).await;
    let version = harness
        .sync_until(|snapshot| !snapshot.revisions.is_empty())
        .await
        .version;
    let (waited, ()) = tokio::join!(harness.sync(&version, 60_000), harness.installed());
    assert!(!waited.unchanged);
    let snapshot = harness
        .sync_until(|one| one.installations.iter().any(|one| one.state() == State::Active))
        .await;

    let (waited, _) = tokio::join!(harness.sync(&snapshot.version, 60_000), async {
        harness.define(&[("md5", "Another name")]);
        harness.reconcile().await
    });
    assert_eq!(waited.revisions.len(), 2);
}

#[tokio::test]
async fn gateways_and_operators_are_told_how_a_portal_writes_dates() {
    let mut harness = Harness::start(&ONE).await;
    harness.installed().await;
    let before = harness.sync_until(|one| !one.installations.is_empty()).await;
    assert_eq!(before.installations[0].culture, "", "nothing is guessed");

    let portal = Portal {
        culture: "DD.MM.YYYY HH:MI:SS".parse().unwrap(),
        time_zone: "Europe/Moscow".parse().unwrap(),
    };
    let app = harness.config.apps.get_mut("demo").unwrap();
    app.portals.insert(MEMBER.into(), portal);
    harness.restart().await;
    let after = harness.sync_until(|one| !one.installations.is_empty()).await;
    let told = &after.installations[0];
    assert_eq!(
        (&*told.culture, &*told.time_zone),
        ("DD.MM.YYYY HH:MI:SS", "Europe/Moscow")
    );
    assert_ne!(after.version, before.version, "gateways hear of it");
    let view = harness.view().await;
    assert_eq!(
        (&*view.culture, &*view.time_zone),
        ("DD.MM.YYYY HH:MI:SS", "Europe/Moscow")
    );
}

#[tokio::test]
async fn a_restart_changes_no_version() {
    let mut harness = Harness::start(&ONE).await;
    harness.installed().await;
    let before = harness.sync_until(|one| !one.installations.is_empty()).await;
    // A stop ends the wait of whoever waits.
    let version = before.version.clone();
    let mut waiting = harness.service();
    let request = SyncRequest {
        version: version.clone(),
        wait_ms: 60_000,
        ..SyncRequest::default()
    };
    let waiting = tokio::spawn(async move { waiting.sync(request).await });
    tokio::task::yield_now().await;
    harness.restart().await;
    if let Ok(response) = waiting.await.unwrap() {
        assert!(response.into_inner().unchanged);
    }
    assert!(harness.sync(&version, 0).await.unchanged);
}

#[tokio::test]
async fn an_app_that_is_configured_no_more_is_not_told_of() {
    let mut harness = Harness::start(&ONE).await;
    harness.installed().await;
    harness.stop().await;
    let app = harness.config.apps.pop_first().unwrap().1;
    harness.config.apps.insert("other".to_owned().try_into().unwrap(), app);
    harness.run().await;
    let snapshot = harness.sync("", 0).await;
    assert!(snapshot.installations.is_empty());
    assert!(snapshot.revisions.iter().all(|one| one.app == "other"));
    assert_eq!(snapshot.apps, ["other"]);
}
