//! Lifecycle events.

use super::*;

pub(super) async fn an_event_is_remembered_once(engine: &impl Engine) {
    let storage = engine.open().await;
    let taken = |reason: &str| Taken {
        believed: true,
        reason: reason.into(),
    };
    let event = async || storage.reads().event("demo".into(), "1".into()).await.unwrap();
    assert_eq!(event().await, None);
    storage
        .remember_event("demo", "1", &taken("first"), at(10))
        .await
        .unwrap();
    storage
        .remember_event("demo", "1", &taken("second"), at(11))
        .await
        .unwrap();
    assert_eq!(event().await, Some(taken("first")));
    storage.tidy(at(10), at(0)).await.unwrap();
    assert_eq!(event().await, Some(taken("first")));
    storage.tidy(at(11), at(0)).await.unwrap();
    assert_eq!(event().await, None);
}

pub(super) async fn an_event_is_of_one_app(engine: &impl Engine) {
    let storage = engine.open().await;
    let taken = |believed: bool| Taken {
        believed,
        reason: String::new(),
    };
    for (app, believed) in [("demo", true), ("other", false)] {
        let taken = taken(believed);
        storage.remember_event(app, "1", &taken, at(10)).await.unwrap();
    }
    let event = async |app: &str| storage.reads().event(app.into(), "1".into()).await.unwrap();
    assert_eq!(event("demo").await, Some(taken(true)));
    assert_eq!(event("other").await, Some(taken(false)));
    assert_eq!(event("third").await, None);
}
