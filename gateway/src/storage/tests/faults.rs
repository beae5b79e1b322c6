//! What stays when a command or a whole group fails.

use super::*;

pub(super) async fn a_command_that_fails_leaves_nothing_and_others_alone(engine: &impl Engine) {
    let storage = engine.open().await;
    engine.break_jobs("bad", Fault::Command);
    let (before, bad, after) = tokio::join!(
        accept(&storage, job(1), None),
        accept(&storage, coded(2, "bad"), None),
        accept(&storage, job(3), None),
    );
    assert!(before.is_ok() && after.is_ok());
    assert!(matches!(bad, Err(StoreError::Statement { .. })), "{bad:?}");
    assert_eq!(state(&storage, 2).await, None);
    assert_eq!(state(&storage, 3).await, Some((State::Accepted, None)));
}

pub(super) async fn a_decision_that_fails_half_way_leaves_nothing(engine: &impl Engine) {
    let storage = engine.open().await;
    quarantine(&storage, coded(1, "bad"), "s").await.unwrap();
    decide(&storage, 1, Step::Park("first".into())).await.unwrap();
    for number in 2..=1001 {
        quarantine(&storage, job(number), "s").await.unwrap();
        if number <= 1000 {
            decide(&storage, number, Step::Park("next".into())).await.unwrap();
        }
    }
    engine.break_jobs("bad", Fault::Command);
    // It is parked, but the oldest, which would have to go for it, can't be written.
    let failed = decide(&storage, 1001, Step::Park("one too many".into())).await;
    assert!(matches!(failed, Err(StoreError::Statement { .. })), "{failed:?}");
    assert_eq!(state(&storage, 1001).await, Some((State::Quarantined, None)));
}

pub(super) async fn what_is_told_is_what_is_there(engine: &impl Engine) {
    let storage = engine.open().await;
    engine.break_jobs("bad", Fault::Group);
    let (one, bad, two) = tokio::join!(
        accept(&storage, job(1), None),
        accept(&storage, coded(9, "bad"), None),
        accept(&storage, job(2), None),
    );
    assert!(matches!(bad, Err(StoreError::Unavailable { .. })), "{bad:?}");
    assert_eq!(state(&storage, 9).await, None);
    for (number, told) in [(1, one), (2, two)] {
        assert_eq!(state(&storage, number).await.is_some(), told.is_ok(), "{told:?}");
    }
    engine.mend();
    assert!(accept(&storage, coded(9, "bad"), None).await.is_ok());
}

pub(super) async fn a_mark_outlives_a_failed_commit(engine: &impl Engine) {
    let storage = engine.open().await;
    insert(&storage, coded(1, "bad"), None).await;
    engine.break_jobs("bad", Fault::Group);
    let marked = set(&storage, 1, mark(State::Sent, Some(Outcome::Answered), None));
    let mend = async {
        // Fails as long as the mark is in its group.
        while accept(&storage, job(2), None).await.is_ok() {}
        assert_eq!(state(&storage, 1).await, Some((State::Accepted, None)));
        engine.mend();
    };
    let (marked, ()) = tokio::join!(marked, mend);
    marked.unwrap();
    assert_eq!(state(&storage, 1).await, Some((State::Sent, Some(Outcome::Answered))));
}
