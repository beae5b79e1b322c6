//! What portals took last.

use super::*;

pub(super) async fn registrations_are_written_and_forgotten(engine: &impl Engine) {
    let storage = installed(engine).await;
    let (md5, sha) = (registration("md5", "a"), registration("sha", "a"));
    storage
        .put_registrations(&key(), vec![sha.clone(), md5.clone()])
        .await
        .unwrap();
    assert_eq!(registrations(&storage).await, [md5, sha.clone()]);
    let newer = Registration {
        kind: Kind::Activity,
        digest: None,
        ..registration("md5", "b")
    };
    storage.put_registrations(&key(), vec![newer.clone()]).await.unwrap();
    assert_eq!(registrations(&storage).await, [newer.clone(), sha]);
    storage
        .delete_registrations(&key(), vec!["sha".into(), "none".into()])
        .await
        .unwrap();
    assert_eq!(registrations(&storage).await, [newer]);
}
