//! What people do with jobs.

use super::*;
use crate::{
    job::{Action, Answer, Payload},
    storage::{HistoryEntry, Intervention},
};

const DAY: i64 = 86_400_000;

/// Gives the numbers of those that were changed.
async fn intervene(storage: &Storage, action: Action, numbers: &[u32], now: Millis) -> Vec<u32> {
    let mut rows = Vec::new();
    for number in numbers {
        rows.push(row(storage, *number).await);
    }
    let intervention = Intervention {
        rows: rows.clone(),
        action,
        by: "Ann".into(),
        why: "it is mended".into(),
        now,
    };
    let changed = storage.intervene(intervention, || ()).await.unwrap();
    let both = numbers.iter().zip(rows);
    both.filter(|(_, row)| changed.contains(row))
        .map(|(number, _)| *number)
        .collect()
}

/// A job that was tried, and ended so.
async fn ended(storage: &Storage, number: u32, state: State, outcome: Option<Outcome>, answered: bool) {
    insert(storage, job(number), None).await;
    let answer = answered.then(|| Answer {
        values: "{\"a\":1}".into(),
        error: None,
    });
    let mark = Mark {
        progress: Progress {
            attempts: 4,
            failures: 3,
            faulty_since: Some(NOW),
            answer,
            sends: 2,
            sent_second: Some(7),
        },
        problem: Some("it broke".into()),
        ..mark(state, outcome, None)
    };
    set(storage, number, mark).await.unwrap();
}

pub(super) async fn a_replayed_job_is_due_as_if_it_were_new(engine: &impl Engine) {
    let storage = engine.open().await;
    ended(&storage, 1, State::Parked, None, false).await;
    assert!(due(&storage, later(DAY)).await.is_empty());
    // Its time-out of a minute is over.
    let now = later(100_000);
    assert_eq!(intervene(&storage, Action::Replay, &[1], now).await, [1]);
    let mut due = read_due(&storage, now).await;
    let stored = due.jobs.remove(0).1;
    assert_eq!(stored.progress, Progress::default());
    assert_eq!(
        (stored.payload.as_slice(), stored.problem),
        (&b"properties[a]=1"[..], None)
    );
    assert_eq!((stored.changed, stored.job.deadline.at), (now, Millis(now.0 + DAY)));
    assert!(!stored.job.deadline.timed);
}

pub(super) async fn a_replay_keeps_a_time_out_that_is_ahead(engine: &impl Engine) {
    let storage = engine.open().await;
    ended(&storage, 1, State::Parked, None, false).await;
    intervene(&storage, Action::Replay, &[1], later(59_999)).await;
    let due = read_due(&storage, later(59_999)).await;
    assert_eq!(due.jobs[0].1.job.deadline, job(1).deadline);
}

pub(super) async fn a_second_intervention_changes_nothing(engine: &impl Engine) {
    let storage = engine.open().await;
    ended(&storage, 1, State::Parked, None, false).await;
    intervene(&storage, Action::Replay, &[1], NOW).await;
    assert!(intervene(&storage, Action::Replay, &[1], later(1)).await.is_empty());
    intervene(&storage, Action::Discard, &[1], later(2)).await;
    assert!(intervene(&storage, Action::Discard, &[1], later(3)).await.is_empty());
    assert!(intervene(&storage, Action::Replay, &[1], later(3)).await.is_empty());
    let view = view(&storage, 1).await;
    assert_eq!(storage.reads().history(view.row).await.unwrap().len(), 2);
    assert_eq!(view.changed, later(2));
    let nobody = Intervention {
        rows: vec![77],
        action: Action::Discard,
        by: "Ann".into(),
        why: "it is mended".into(),
        now: NOW,
    };
    assert!(storage.intervene(nobody, || ()).await.unwrap().is_empty());
}

pub(super) async fn an_answer_in_hand_only_has_to_be_sent(engine: &impl Engine) {
    let storage = engine.open().await;
    for (number, state, outcome) in [
        (1, State::Parked, None),
        (2, State::Done, Some(Outcome::PortalGone)),
        (3, State::Done, Some(Outcome::Expired)),
    ] {
        ended(&storage, number, state, outcome, true).await;
        assert_eq!(intervene(&storage, Action::Replay, &[number], NOW).await, [number]);
    }
    let due = read_due(&storage, NOW).await;
    let answers: Vec<_> = due
        .jobs
        .iter()
        .map(|(_, stored)| stored.progress.answer.clone())
        .collect();
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().flatten().all(|answer| answer.values == "{\"a\":1}") && !answers.contains(&None));
    assert_eq!(state(&storage, 2).await, Some((State::AnsweredUnsent, None)));
}

pub(super) async fn what_ended_wrongly_is_replayed_what_ended_well_is_not(engine: &impl Engine) {
    let storage = engine.open().await;
    for (number, ended_as, outcome, possible) in [
        (1, State::Done, Outcome::Expired, true),
        (2, State::Done, Outcome::PortalGone, true),
        (3, State::Sent, Outcome::Answered, true),
        (4, State::Done, Outcome::Answered, false),
        (5, State::Done, Outcome::WorkflowGone, false),
        (6, State::Done, Outcome::NotWaiting, false),
    ] {
        ended(&storage, number, ended_as, Some(outcome), false).await;
        let view = view(&storage, number).await;
        assert_eq!(view.standing().after(Action::Replay).is_ok(), possible, "{outcome:?}");
        let replayed = intervene(&storage, Action::Replay, &[number], NOW).await;
        assert_eq!(!replayed.is_empty(), possible, "{outcome:?}");
        let expected = if possible {
            (State::Accepted, None)
        } else {
            (ended_as, Some(outcome))
        };
        assert_eq!(state(&storage, number).await, Some(expected));
    }
}

pub(super) async fn a_discard_erases(engine: &impl Engine) {
    let storage = engine.open().await;
    ended(&storage, 1, State::Parked, None, true).await;
    insert(&storage, job(2), Some(later(9))).await;
    ended(&storage, 3, State::Sent, Some(Outcome::Answered), false).await;
    assert_eq!(intervene(&storage, Action::Discard, &[1, 2, 3], NOW).await, [1, 2]);
    for number in [1, 2] {
        assert_eq!(secrets(engine, &storage, number).await, (None, String::new()));
        let view = view(&storage, number).await;
        assert_eq!((view.state, view.outcome), (State::Done, Some(Outcome::Discarded)));
        assert_eq!((view.payload, view.answered), (Payload::Erased, false));
    }
    assert!(due(&storage, later(DAY)).await.is_empty());
    assert_eq!(
        accept(&storage, job(1), None).await.unwrap(),
        Inserted::Repeat,
        "it stays discarded"
    );
}

pub(super) async fn what_was_never_proved_is_only_discarded(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=2 {
        quarantine(&storage, job(number), "s").await.unwrap();
    }
    assert!(
        intervene(&storage, Action::Replay, &[1], NOW).await.is_empty(),
        "in quarantine"
    );
    decide(&storage, 2, Step::Proved("no definitions".into()))
        .await
        .unwrap();
    for number in [1, 2] {
        decide(&storage, number, Step::Park("too late".into())).await.unwrap();
    }
    assert_eq!(intervene(&storage, Action::Replay, &[1, 2], NOW).await, [2]);
    assert_eq!(state(&storage, 1).await, Some((State::Parked, None)));
    let again = storage.reads().quarantined(NOW, 9).await.unwrap();
    assert_eq!(again.len(), 1, "who was proved is looked at again");
    assert!(again[0].source.is_none() && again[0].stored.payload == b"sealed");
    assert_eq!(intervene(&storage, Action::Discard, &[1], NOW).await, [1]);
    assert_eq!(secrets(engine, &storage, 1).await, (None, String::new()));
}

pub(super) async fn the_newest_of_the_history_stay_with_the_job(engine: &impl Engine) {
    let storage = engine.open().await;
    ended(&storage, 1, State::Parked, None, false).await;
    for number in 0..25 {
        intervene(&storage, Action::Replay, &[1], later(number)).await;
        set(&storage, 1, mark(State::Parked, None, None)).await.unwrap();
    }
    let history = storage.reads().history(row(&storage, 1).await).await.unwrap();
    let times: Vec<_> = history.iter().map(|entry| entry.at.0 - NOW.0).collect();
    assert_eq!(times, (5..25).rev().collect::<Vec<_>>());

    ended(&storage, 2, State::Sent, Some(Outcome::Answered), false).await;
    intervene(&storage, Action::Replay, &[2], later(1)).await;
    let entry = HistoryEntry {
        at: later(1),
        action: Action::Replay,
        by: "Ann".into(),
        why: "it is mended".into(),
        state: State::Sent,
        outcome: Some(Outcome::Answered),
        attempts: 4,
        problem: "it broke".into(),
    };
    assert_eq!(storage.reads().history(row(&storage, 2).await).await.unwrap(), [entry]);
}

pub(super) async fn retention_never_takes_a_parked_job(engine: &impl Engine) {
    let storage = engine.open().await;
    ended(&storage, 1, State::Parked, None, false).await;
    ended(&storage, 2, State::Sent, Some(Outcome::Answered), false).await;
    intervene(&storage, Action::Replay, &[2], NOW).await;
    set(&storage, 2, mark(State::Done, Some(Outcome::Answered), None))
        .await
        .unwrap();
    ended(&storage, 3, State::Parked, None, false).await;
    let sent = row(&storage, 2).await;
    let old = storage.reads().old(later(1000 * DAY)).await.unwrap();
    assert_eq!(old, [sent]);
    storage.forget(old).await.unwrap();
    assert!(
        storage.reads().history(sent).await.unwrap().is_empty(),
        "it goes with its job"
    );
    assert_eq!(state(&storage, 1).await, Some((State::Parked, None)));
}

pub(super) async fn what_follows_is_told_in_the_order_of_the_writes(engine: &impl Engine) {
    let storage = engine.open().await;
    ended(&storage, 1, State::Parked, None, false).await;
    let told = Arc::new(parking_lot::Mutex::new(false));
    let intervention = Intervention {
        rows: vec![row(&storage, 1).await],
        action: Action::Replay,
        by: "Ann".into(),
        why: "it is mended".into(),
        now: NOW,
    };
    let then = {
        let told = told.clone();
        move || *told.lock() = true
    };
    let waits = storage.intervene(intervention, then);
    // Nobody waits any more.
    assert!(futures::FutureExt::now_or_never(waits).is_none());
    storage.set_settled(1).await.unwrap();
    assert!(*told.lock());
    assert_eq!(state(&storage, 1).await, Some((State::Accepted, None)));
}
