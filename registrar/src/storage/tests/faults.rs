//! What stays when a command or a whole group fails.

use super::*;

pub(super) async fn a_write_that_fails_half_way_leaves_nothing(engine: &impl Engine) {
    let storage = installed(engine).await;
    engine.break_writes(Broken::Registration("bad"), Fault::Command);
    let (one, bad) = (registration("one", "a"), registration("bad", "a"));
    let key = key();
    let (before, failed, other) = tokio::join!(
        storage.set_endpoint(&key, "https://before.example/rest/"),
        storage.put_registrations(&key, vec![one, bad]),
        storage.learn(&key, [1; 32]),
    );
    assert!(matches!(failed, Err(StoreError::Statement { .. })), "{failed:?}");
    before.and(other).unwrap();
    assert!(registrations(&storage).await.is_empty());
    let (read, _) = installation(&storage).await;
    assert_eq!(read.application_tokens, [[1; 32]]);
    assert_eq!(read.client_endpoint, "https://before.example/rest/");
}

/// Else a portal's only refresh token would count as used although nobody has it.
pub(super) async fn credentials_that_are_not_taken_spend_no_token(engine: &impl Engine) {
    let storage = installed(engine).await;
    let before = installation(&storage).await;
    engine.break_writes(Broken::Installation("m"), Fault::Command);
    let adopted = storage.adopt(&key(), adoption(20, None), credentials(2)).await;
    assert!(matches!(adopted, Err(StoreError::Statement { .. })), "{adopted:?}");
    let refreshed = storage.refreshed(&key(), credentials(3), None, at(20)).await;
    assert!(matches!(refreshed, Err(StoreError::Statement { .. })), "{refreshed:?}");
    for number in [2, 3] {
        assert!(!storage.reads().is_spent([number; 32]).await.unwrap());
    }
    assert_eq!(installation(&storage).await, before);
}

pub(super) async fn an_uninstallation_that_fails_erases_nothing(engine: &impl Engine) {
    let storage = installed(engine).await;
    let md5 = registration("md5", "a");
    storage.put_registrations(&key(), vec![md5.clone()]).await.unwrap();
    engine.break_writes(Broken::Installation("m"), Fault::Command);
    let failed = storage.uninstall(&key()).await;
    assert!(matches!(failed, Err(StoreError::Statement { .. })), "{failed:?}");
    assert_eq!(registrations(&storage).await, [md5]);
    engine.mend();
    storage.uninstall(&key()).await.unwrap();
    assert!(registrations(&storage).await.is_empty());
}

pub(super) async fn a_revision_that_is_not_stored_replaces_none(engine: &impl Engine) {
    let storage = engine.open().await;
    let (good, bad) = (revision("demo", "hasher", "good"), revision("demo", "hasher", "bad"));
    storage.make_current(good.clone(), at(10)).await.unwrap();
    engine.break_writes(Broken::Revision("bad"), Fault::Command);
    let failed = storage.make_current(bad, at(20)).await;
    assert!(matches!(failed, Err(StoreError::Statement { .. })), "{failed:?}");
    assert_eq!(storage.reads().revisions().await.unwrap(), [good]);
}

pub(super) async fn what_is_told_is_what_is_there(engine: &impl Engine) {
    let storage = installed(engine).await;
    let (key, other) = (key(), key_of("demo", "other"));
    engine.break_writes(Broken::Registration("bad"), Fault::Group);
    let (before, bad, after) = tokio::join!(
        storage.learn(&key, [1; 32]),
        storage.put_registrations(&key, vec![registration("bad", "a")]),
        storage.adopt(&other, adoption(10, None), credentials(2)),
    );
    assert!(matches!(bad, Err(StoreError::Unavailable { .. })), "{bad:?}");
    assert!(registrations(&storage).await.is_empty());
    let learnt = !installation(&storage).await.0.application_tokens.is_empty();
    assert_eq!(learnt, before.is_ok(), "{before:?}");
    let adopted = storage.reads().installation(other).await.unwrap().is_some();
    assert_eq!(adopted, after.is_ok(), "{after:?}");
    assert_eq!(storage.reads().is_spent([2; 32]).await.unwrap(), adopted);
    engine.mend();
    let bad = registration("bad", "a");
    storage.put_registrations(&key, vec![bad.clone()]).await.unwrap();
    assert_eq!(registrations(&storage).await, [bad]);
}
