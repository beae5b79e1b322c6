//! Callbacks that are not proved yet.

use super::*;

pub(super) async fn an_authentic_repeat_promotes(engine: &impl Engine) {
    let storage = engine.open().await;
    assert!(quarantine(&storage, job(1), "1.2.3.4").await.unwrap());
    assert!(!quarantine(&storage, job(1), "1.2.3.4").await.unwrap());
    assert_eq!(sources(&storage).await, [("1.2.3.4".to_owned(), 6)]);
    let promoted = Inserted::Promoted(row(&storage, 1).await);
    assert_eq!(accept(&storage, job(1), None).await.unwrap(), promoted);
    assert_eq!(accept(&storage, job(1), None).await.unwrap(), Inserted::Repeat);
    assert_eq!(due(&storage, NOW).await, [1], "it is taken from the store");
    assert!(sources(&storage).await.is_empty());
}

pub(super) async fn what_was_given_up_is_promoted_too(engine: &impl Engine) {
    let storage = engine.open().await;
    for (number, step) in [(1, Step::Discard("forged".into())), (2, Step::Park("late".into()))] {
        quarantine(&storage, job(number), "s").await.unwrap();
        decide(&storage, number, step).await.unwrap();
        let promoted = Inserted::Promoted(row(&storage, number).await);
        assert_eq!(accept(&storage, job(number), None).await.unwrap(), promoted);
        assert_eq!(state(&storage, number).await, Some((State::Accepted, None)));
    }
    assert_eq!(due(&storage, NOW).await, [1, 2]);
}

pub(super) async fn counts_see_what_was_written_before_them(engine: &impl Engine) {
    let storage = engine.open().await;
    let before = quarantine(&storage, job(1), "a");
    let count = sources(&storage);
    let after = quarantine(&storage, job(2), "b");
    let (before, counted, after) = tokio::join!(before, count, after);
    assert!(before.unwrap() && after.unwrap());
    assert_eq!(counted, [("a".to_owned(), 6)]);
}

pub(super) async fn a_decision_comes_too_late_for_a_promoted_job(engine: &impl Engine) {
    let storage = engine.open().await;
    quarantine(&storage, job(1), "s").await.unwrap();
    accept(&storage, job(1), None).await.unwrap();
    for step in [
        Step::Wait(String::new()),
        Step::Discard(String::new()),
        Step::Park(String::new()),
    ] {
        assert_eq!(decide(&storage, 1, step).await.unwrap(), 0);
        assert_eq!(state(&storage, 1).await, Some((State::Accepted, None)));
    }
}

pub(super) async fn steps_are_taken(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=3 {
        quarantine(&storage, job(number), "s").await.unwrap();
    }
    let looked_at = storage.reads().quarantined(NOW, 2).await.unwrap();
    assert_eq!(looked_at.len(), 2);
    assert!(looked_at[0].source.is_some());
    assert_eq!(looked_at[0].stored.payload, b"sealed");

    let accept = Step::Accept {
        revision: "r2".into(),
        pairs: b"properties[a]=1".to_vec(),
    };
    decide(&storage, 1, accept).await.unwrap();
    decide(&storage, 2, Step::Wait("not yet".into())).await.unwrap();
    decide(&storage, 3, Step::Proved("no definitions".into()))
        .await
        .unwrap();
    assert!(storage.reads().quarantined(NOW, 9).await.unwrap().is_empty());
    assert_eq!(storage.reads().next_quarantined().await.unwrap(), Some(later(5)));
    assert_eq!(sources(&storage).await.len(), 1, "who is proved counts no more");

    storage.wake_quarantine(NOW).await.unwrap();
    let looked_at = storage.reads().quarantined(NOW, 9).await.unwrap();
    let proved: Vec<_> = looked_at
        .iter()
        .map(|job| (job.stored.job.key, job.source.is_none()))
        .collect();
    assert_eq!(proved, [(job(2).key, false), (job(3).key, true)]);

    let line = Arc::new(Line {
        revision: "r2".into(),
        ..Line::of(&job(1), State::Accepted)
    });
    let due = storage
        .reads()
        .due(line, NOW, 9, None, Box::new(|_| false))
        .await
        .unwrap();
    assert_eq!(due.jobs.len(), 1);
    assert_eq!(&*due.jobs[0].1.job.revision, "r2");
    assert_eq!(due.jobs[0].1.payload, b"properties[a]=1");
}

pub(super) async fn a_disproved_job_keeps_nothing_secret(engine: &impl Engine) {
    let storage = engine.open().await;
    quarantine(&storage, job(1), "s").await.unwrap();
    decide(&storage, 1, Step::Discard("disproved".into())).await.unwrap();
    assert_eq!(secrets(engine, &storage, 1).await, (None, String::new()));
    assert_eq!(state(&storage, 1).await, Some((State::Done, Some(Outcome::Discarded))));
}

pub(super) async fn parked_strangers_are_bounded(engine: &impl Engine) {
    let storage = engine.open().await;
    let mut evicted = 0;
    for number in 1..=1003 {
        quarantine(&storage, job(number), "s").await.unwrap();
        evicted += decide(&storage, number, Step::Park("not proved".into())).await.unwrap();
    }
    assert_eq!(evicted, 3);
    assert_eq!(state(&storage, 3).await, Some((State::Done, Some(Outcome::Discarded))));
    assert_eq!(state(&storage, 4).await, Some((State::Parked, None)));
}
