//! Lifecycle events.

use harness::until;
use proto::registrar::v1::HandleEventResponse;
use reqwest::StatusCode;
use tonic::Status;

use crate::{harness::World, registrar::APP};

const INSTALL: &str = "event=onAppInstall&data[VERSION]=1&data[LANGUAGE_ID]=ru&ts=1700000000&auth[member_id]=m1\
    &auth[access_token]=event-access-token&auth[application_token]=t1&auth[server_endpoint]=https%3A%2F%2Foauth.bitrix.info%2Frest%2F";

async fn handed_over(world: &World, number: usize) {
    let count = || world.registrar.state.events.lock().len();
    until(async || if count() >= number { Ok(()) } else { Err(count()) }).await;
}

#[tokio::test]
async fn an_event_is_handed_over_whole() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    assert_eq!(
        world.post(&gateway, &format!("/bitrix/{APP}/event"), INSTALL).await.0,
        StatusCode::OK
    );
    handed_over(&world, 1).await;
    let event = world.registrar.state.events.lock()[0].clone();
    assert_eq!(
        (event.app.as_str(), event.event.as_str(), event.ts),
        (APP, "ONAPPINSTALL", 1_700_000_000)
    );
    assert_eq!(event.data["LANGUAGE_ID"], "ru");
    let auth = event.auth.unwrap();
    assert_eq!(
        (auth.member_id.as_str(), auth.access_token.as_str()),
        ("m1", "event-access-token")
    );
    assert_eq!((auth.application_token.as_str(), event.event_id.len()), ("t1", 32));
}

#[tokio::test]
async fn an_event_waits_for_the_registrar_over_a_restart() {
    let world = World::new().await;
    *world.registrar.state.event.lock() = Err(Status::unavailable("down"));
    let gateway = world.gateway().await;
    world.post(&gateway, &format!("/bitrix/{APP}/event"), INSTALL).await;
    handed_over(&world, 1).await;
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(
            !bytes.windows(18).any(|part| part == b"event-access-token"),
            "stored in the clear"
        );
    }
    gateway.stop().await;
    *world.registrar.state.event.lock() = Ok(HandleEventResponse {
        believed: false,
        reason: "late".into(),
    });
    let gateway = world.gateway().await;
    handed_over(&world, 2).await;
    let ids: Vec<_> = world
        .registrar
        .state
        .events
        .lock()
        .iter()
        .map(|event| event.event_id.clone())
        .collect();
    assert_eq!(ids[0], ids[1]);
    gateway.stop().await;
    let gateway = world.gateway().await;
    gateway.stop().await;
    assert_eq!(world.registrar.state.events.lock().len(), 2, "it was erased");
}

#[tokio::test]
async fn events_of_other_things_are_taken_and_dropped() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let path = format!("/bitrix/{APP}/event");
    for event in [
        "event=ONCRMDEALUPDATE&data[FIELDS][ID]=1&auth[member_id]=m1&auth[application_token]=t1",
        "event=ONIMBOTMESSAGEADD&data[BOT][7][access_token]=bot-token&auth[member_id]=m1",
        "event=ONAPPUSERREADY&data[AUTH][access_token]=system-token&auth[member_id]=m1",
    ] {
        assert_eq!(world.post(&gateway, &path, event).await.0, StatusCode::OK);
    }
    // Events are handed over in their order: the others would be there before this one.
    world.post(&gateway, &path, INSTALL).await;
    handed_over(&world, 1).await;
    let events = world.registrar.state.events.lock().clone();
    assert_eq!(
        events.iter().map(|event| event.event.as_str()).collect::<Vec<_>>(),
        ["ONAPPINSTALL"]
    );
    let metrics = gateway.metrics(&world.http).await;
    assert!(
        metrics.contains("gateway_dropped_total{reason=\"event_foreign\"} 3\n"),
        "{metrics}"
    );
    gateway.stop().await;
    let store = std::fs::read(world.folder.path().join("gateway.db")).unwrap();
    for token in ["bot-token", "system-token"] {
        assert!(!store.windows(token.len()).any(|bytes| bytes == token.as_bytes()));
    }
}
