//! Pinned sets of definitions.

use super::*;

pub(super) async fn one_revision_is_current_and_old_ones_stay_while_they_may_be_needed(engine: &impl Engine) {
    let storage = installed(engine).await;
    for (name, second) in [("a", 10), ("b", 20), ("c", 30), ("b", 40)] {
        let revision = revision("demo", "hasher", name);
        storage.make_current(revision, at(second)).await.unwrap();
    }
    let flags = async || {
        let all = storage.reads().revisions().await.unwrap().into_iter();
        all.map(|one| (one.revision, one.current)).collect::<Vec<_>>()
    };
    assert_eq!(
        flags().await,
        [("a".into(), false), ("b".into(), true), ("c".into(), false)]
    );
    assert_eq!(storage.reads().revisions().await.unwrap()[2].descriptors, b"c");

    // `a` was replaced at 20, `c` at 40; a portal's registration still names `a`.
    storage
        .put_registrations(&key(), vec![registration("md5", "a")])
        .await
        .unwrap();
    let prune = async |before: i64| storage.prune_revisions(at(before)).await.unwrap();
    assert_eq!(prune(40).await, 0, "one is named, the other too young");
    assert_eq!(prune(41).await, 1);
    assert_eq!(flags().await, [("a".into(), false), ("b".into(), true)]);
    storage.delete_registrations(&key(), vec!["md5".into()]).await.unwrap();
    assert_eq!(prune(1_000).await, 1, "the current one always stays");
}

pub(super) async fn revisions_come_by_app_executor_and_age(engine: &impl Engine) {
    let storage = engine.open().await;
    for (app, executor, name, second) in [
        ("demo", "hasher", "z", 10),
        ("demo", "hasher", "a", 20),
        ("demo", "adder", "m", 30),
        ("aaa", "hasher", "z", 40),
        // What is current already stays it.
        ("demo", "hasher", "a", 50),
    ] {
        let revision = revision(app, executor, name);
        storage.make_current(revision, at(second)).await.unwrap();
    }
    let superseded = StoredRevision {
        current: false,
        ..revision("demo", "hasher", "z")
    };
    assert_eq!(
        storage.reads().revisions().await.unwrap(),
        [
            revision("aaa", "hasher", "z"),
            revision("demo", "adder", "m"),
            superseded,
            revision("demo", "hasher", "a"),
        ]
    );
}

pub(super) async fn a_registration_keeps_revisions_of_its_own_app_alone(engine: &impl Engine) {
    let storage = installed(engine).await;
    for app in ["demo", "other"] {
        for (name, second) in [("a", 10), ("b", 20)] {
            let revision = revision(app, "hasher", name);
            storage.make_current(revision, at(second)).await.unwrap();
        }
    }
    let md5 = registration("md5", "a");
    storage.put_registrations(&key(), vec![md5]).await.unwrap();
    assert_eq!(storage.prune_revisions(at(100)).await.unwrap(), 1);
    let left = storage.reads().revisions().await.unwrap().into_iter();
    assert_eq!(
        left.map(|one| (one.app, one.revision)).collect::<Vec<_>>(),
        [("demo", "a"), ("demo", "b"), ("other", "b")].map(|(app, name)| (app.into(), name.into()))
    );
}
