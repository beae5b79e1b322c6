//! Lifecycle events.

use proto::registrar::v1::{Auth, InstallationState as State};
use tonic::Code;

use crate::{
    fake::{Instead, MEMBER, World},
    harness::{APPLICATION_TOKEN, Harness},
};

const ONE: [(&str, &str); 1] = [("md5", "MD5")];

fn farewell(token: &str) -> Auth {
    Auth {
        member_id: MEMBER.into(),
        application_token: token.into(),
        ..Auth::default()
    }
}

#[tokio::test]
async fn an_installation_event_installs() {
    let harness = Harness::start(&ONE).await;
    harness.fake.world(|world| world.installed = true);
    let response = harness.event("ONAPPINSTALL", "e1", 0, harness.auth(1)).await.unwrap();
    assert!(response.believed, "{}", response.reason);
    let registered = |world: &World| world.bound.len() == 3 && world.activities.contains_key("md5");
    harness.fake.until(registered).await;
    let snapshot = harness.sync_until(|snapshot| !snapshot.installations.is_empty()).await;
    assert_eq!(snapshot.installations[0].state(), State::Active);
}

#[tokio::test]
async fn an_event_that_comes_twice_has_one_effect() {
    let harness = Harness::start(&ONE).await;
    harness.fake.world(|world| world.installed = true);
    let auth = harness.auth(1);
    assert!(
        harness
            .event("ONAPPINSTALL", "e1", 0, auth.clone())
            .await
            .unwrap()
            .believed
    );
    let asked = harness.fake.world(|world| world.count("profile"));
    assert!(harness.event("ONAPPINSTALL", "e1", 0, auth).await.unwrap().believed);
    assert_eq!(harness.fake.world(|world| world.count("profile")), asked);
}

#[tokio::test]
async fn an_installation_event_that_cannot_be_proved_is_not_believed() {
    let harness = Harness::start(&ONE).await;
    let forged = Auth {
        access_token: "nonsense".into(),
        ..harness.auth(1)
    };
    let response = harness.event("ONAPPINSTALL", "e1", 0, forged).await.unwrap();
    assert!(!response.believed && !response.reason.is_empty());
    let response = harness.event("ONAPPINSTALL", "e2", 0, harness.auth(3)).await.unwrap();
    assert!(
        !response.believed && response.reason.contains("administrator"),
        "{}",
        response.reason
    );
    assert!(harness.sync("", 0).await.installations.is_empty());

    harness
        .fake
        .world(|world| world.answer_once("app.info", Instead::Html(502)));
    let auth = harness.auth(1);
    let status = harness.event("ONAPPINSTALL", "e3", 0, auth.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(
        harness.event("ONAPPINSTALL", "e3", 0, auth).await.unwrap().believed,
        "it comes again, and is not forgotten"
    );
}

#[tokio::test]
async fn a_farewell_needs_the_application_token() {
    let harness = Harness::start(&ONE).await;
    harness.installed().await;
    for (id, token) in [("e1", "forged"), ("e2", "")] {
        let response = harness.event("ONAPPUNINSTALL", id, 0, farewell(token)).await.unwrap();
        assert!(!response.believed, "{id}");
    }
    harness.issue(None).await.unwrap();

    let response = harness
        .event("onappuninstall", "e3", 0, farewell(APPLICATION_TOKEN))
        .await
        .unwrap();
    assert!(response.believed, "{}", response.reason);
    let status = harness.issue(None).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let view = harness.view().await;
    assert_eq!(view.state(), State::Uninstalled);
    assert!(view.activities.is_empty(), "the portal deletes them with the app");
    let calls = harness.fake.world(|world| world.calls.len());
    harness.reconcile().await;
    assert_eq!(
        harness.fake.world(|world| world.calls.len()),
        calls,
        "nothing is left to call with"
    );
    // The gateway hands it on once more under another id.
    assert!(
        harness
            .event("ONAPPUNINSTALL", "e4", 0, farewell(APPLICATION_TOKEN))
            .await
            .unwrap()
            .believed
    );

    harness.installed().await;
    harness.issue(None).await.unwrap();
}

#[tokio::test]
async fn a_late_farewell_does_not_undo_a_new_installation() {
    let harness = Harness::start(&ONE).await;
    harness.installed().await;
    let before = harness.view().await.created.unwrap().seconds - 60;
    let response = harness
        .event("ONAPPUNINSTALL", "e1", before, farewell(APPLICATION_TOKEN))
        .await
        .unwrap();
    assert!(
        !response.believed && response.reason.contains("older"),
        "{}",
        response.reason
    );
    harness.issue(None).await.unwrap();
}

#[tokio::test]
async fn a_late_installation_event_does_not_undo_the_next_installation() {
    let harness = Harness::start(&ONE).await;
    harness.installed().await;
    harness.fake.world(|world| world.installed = false);
    harness.install(harness.auth(2)).await;
    let late = || Auth {
        user_id: 1,
        ..harness.auth(1)
    };
    let adopted = harness.view().await.created.unwrap().seconds;
    let response = harness.event("ONAPPINSTALL", "e1", adopted - 60, late()).await.unwrap();
    assert!(response.believed, "it is a reason to look: {}", response.reason);
    assert_eq!(harness.view().await.user_id, 2);
    harness.event("ONAPPINSTALL", "e2", adopted + 60, late()).await.unwrap();
    assert_eq!(harness.view().await.user_id, 1);
}

#[tokio::test]
async fn other_events_are_a_reason_to_look() {
    let harness = Harness::start(&ONE).await;
    let unknown = harness
        .event("ONAPPUPDATE", "e0", 0, farewell(APPLICATION_TOKEN))
        .await
        .unwrap();
    assert!(!unknown.believed);
    harness.installed().await;
    harness.fake.world(|world| world.activities.clear());
    let response = harness
        .event("ONAPPUPDATE", "e1", 0, farewell(APPLICATION_TOKEN))
        .await
        .unwrap();
    assert!(response.believed);
    harness.fake.until(|world| world.activities.contains_key("md5")).await;
    let forged = harness.event("ONAPPUPDATE", "e2", 0, farewell("forged")).await.unwrap();
    assert!(!forged.believed);
    let forged = harness.event("ONAPPTEST", "e2", 0, farewell("forged")).await.unwrap();
    assert!(!forged.believed);
}

#[tokio::test]
async fn events_of_other_things_cost_no_call() {
    let harness = Harness::start(&ONE).await;
    harness.installed().await;
    harness.reconcile().await;
    let calls = harness.fake.world(|world| world.calls.len());
    for number in 0..60 {
        let auth = farewell(APPLICATION_TOKEN);
        let id = format!("crm{number}");
        let response = harness.event("ONCRMDEALUPDATE", &id, 0, auth).await.unwrap();
        assert!(!response.believed, "it says nothing of the installation");
    }
    // A pass that an event has begun would be over with this one.
    harness.reconcile().await;
    let one_pass = harness.fake.world(|world| world.calls.len()) - calls;
    harness.reconcile().await;
    assert_eq!(harness.fake.world(|world| world.calls.len()) - calls, 2 * one_pass);
}
