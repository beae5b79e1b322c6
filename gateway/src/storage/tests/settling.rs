//! What becomes of sent answers.

use super::*;
use crate::{
    job::Answer,
    storage::{Settle, Settling},
};

async fn sent(storage: &Storage, number: u32, next_attempt: Option<Millis>) {
    insert(storage, job(number), None).await;
    let mark = Mark {
        progress: Progress {
            attempts: 1,
            sends: 1,
            sent_second: Some(77),
            answer: Some(Answer {
                values: "{\"a\":1}".into(),
                error: None,
            }),
            ..Progress::default()
        },
        ..mark(State::Sent, Some(Outcome::Answered), next_attempt)
    };
    set(storage, number, mark).await.unwrap();
}

async fn settle(storage: &Storage, numbers: Vec<(u32, Settling)>, now: Millis) {
    let (told, written) = oneshot::channel();
    let mut jobs = Vec::new();
    for (number, settling) in numbers {
        jobs.push((row(storage, number).await, settling));
    }
    storage.settle(Settle { jobs, now }, |outcome| drop(told.send(outcome)));
    written.await.unwrap().unwrap();
}

pub(super) async fn a_sent_answer_stays_until_it_is_settled(engine: &impl Engine) {
    let storage = engine.open().await;
    for (number, next) in [(1, Some(NOW)), (2, None)] {
        sent(&storage, number, next).await;
        assert!(secrets(engine, &storage, number).await.0.is_some());
    }
    let mut due = read_due(&storage, NOW).await;
    assert_eq!(due.jobs.len(), 1);
    let stored = due.jobs.remove(0).1;
    assert_eq!((stored.job.key, stored.state), (job(1).key, State::Sent));
    assert_eq!(stored.progress.sent_second, Some(77));
    assert_eq!(stored.progress.answer.unwrap().values, "{\"a\":1}");
}

pub(super) async fn each_settling_does_its_part(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=5 {
        sent(&storage, number, None).await;
    }
    let jobs = vec![
        (1, Settling::Done { note: None }),
        (2, Settling::Repeat),
        (3, Settling::Look(later(9))),
        (4, Settling::Unproved),
        (5, Settling::Park("it still waits")),
    ];
    settle(&storage, jobs, later(5)).await;
    assert_eq!(secrets(engine, &storage, 1).await.0, None);
    for (number, expected) in [
        (1, (State::Done, Some(Outcome::Answered))),
        (2, (State::AnsweredUnsent, None)),
        (3, (State::Sent, Some(Outcome::Answered))),
        (4, (State::Sent, Some(Outcome::Answered))),
        (5, (State::Parked, None)),
    ] {
        assert_eq!(state(&storage, number).await, Some(expected), "{number}");
    }
    assert_eq!(due(&storage, later(5)).await, [2]);
    assert_eq!(due(&storage, later(9)).await, [2, 3]);
    let parked = view(&storage, 5).await;
    assert_eq!((parked.problem.as_str(), parked.changed), ("it still waits", later(5)));
    let looked_for = view(&storage, 3).await;
    assert_eq!(looked_for.changed, NOW, "it was sent then");
    drop(storage);

    let storage = engine.open().await;
    assert_eq!(
        storage.recover(NOW).await.unwrap(),
        0,
        "what is settled is not looked for again"
    );
}

pub(super) async fn what_is_not_sent_any_more_is_left_alone(engine: &impl Engine) {
    let storage = engine.open().await;
    insert(&storage, job(1), None).await;
    set(&storage, 1, mark(State::Parked, None, None)).await.unwrap();
    for settling in [
        Settling::Done { note: None },
        Settling::Repeat,
        Settling::Look(NOW),
        Settling::Unproved,
        Settling::Park("why"),
    ] {
        settle(&storage, vec![(1, settling)], later(5)).await;
    }
    let view = view(&storage, 1).await;
    assert_eq!(
        (view.state, view.changed, view.next_attempt),
        (State::Parked, NOW, None)
    );
    assert!(view.problem.is_empty() && secrets(engine, &storage, 1).await.0.is_some());
}

pub(super) async fn sent_jobs_in_memory_are_due_after_a_restart(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=3 {
        sent(&storage, number, None).await;
    }
    storage.set_settled(row(&storage, 2).await).await.unwrap();
    drop(storage);
    let storage = engine.open().await;
    assert_eq!(storage.recover(NOW).await.unwrap(), 2);
    assert_eq!(due(&storage, NOW).await, [2, 3]);
}

pub(super) async fn an_answer_of_an_older_process_is_made_anew(engine: &impl Engine) {
    let storage = engine.open().await;
    insert(&storage, job(1), None).await;
    set(&storage, 1, mark(State::Sent, Some(Outcome::Answered), None))
        .await
        .unwrap();
    settle(&storage, vec![(1, Settling::Repeat)], NOW).await;
    assert_eq!(state(&storage, 1).await, Some((State::Accepted, None)));
}
