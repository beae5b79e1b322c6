//! Lifecycle events on their way to the registrar.

use super::*;
use crate::storage::NewEvent;

async fn store(storage: &Storage, number: u8) -> bool {
    let event = NewEvent {
        digest: [number; 32],
        app: "demo".into(),
        event: "ONAPPINSTALL".into(),
        sealed: vec![number; 10],
        received: NOW,
        source: "s".into(),
    };
    let (told, new) = oneshot::channel();
    storage.store_event(event, |new| told.send(new).unwrap()).await.unwrap();
    new.await.unwrap()
}

/// Those that are due: what [`store`] was given, and the attempts.
async fn events(storage: &Storage, now: Millis) -> Vec<(u8, u32)> {
    let events = storage.reads().events(now, 2).await.unwrap();
    events.iter().map(|event| (event.digest[0], event.attempts)).collect()
}

pub(super) async fn an_event_is_stored_once_until_it_is_handed_over(engine: &impl Engine) {
    let storage = engine.open().await;
    assert!(store(&storage, 1).await);
    assert!(!store(&storage, 1).await);
    assert_eq!(sources(&storage).await, [("s".to_owned(), 10)]);
    let events = storage.reads().events(NOW, 9).await.unwrap();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.digest, &event.sealed[..]), ([1; 32], &[1; 10][..]));
    assert_eq!((event.app.as_str(), event.event.as_str()), ("demo", "ONAPPINSTALL"));
    storage.delete_event(event.row).await.unwrap();
    assert_eq!(self::events(&storage, NOW).await, []);
    assert!(store(&storage, 1).await, "it is new again");
}

pub(super) async fn events_come_in_the_order_of_arrival_when_due(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=3 {
        store(&storage, number).await;
    }
    let first = storage.reads().events(NOW, 1).await.unwrap().remove(0);
    storage.delay_event(first.row, 4, later(9)).await.unwrap();
    assert_eq!(events(&storage, NOW).await, [(2, 0), (3, 0)]);
    assert_eq!(events(&storage, later(9)).await, [(1, 4), (2, 0)]);
    for event in storage.reads().events(NOW, 2).await.unwrap() {
        storage.delete_event(event.row).await.unwrap();
    }
    assert_eq!(storage.reads().next_event().await.unwrap(), Some(later(9)));
}
