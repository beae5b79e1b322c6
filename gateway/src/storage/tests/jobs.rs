//! Accepted jobs: what comes back, in which order, and when it goes.

use parking_lot::Mutex;

use super::*;
use crate::{job::Answer, storage::Filter};

pub(super) async fn a_job_comes_back_as_it_was(engine: &impl Engine) {
    let storage = engine.open().await;
    insert(&storage, job(1), Some(NOW)).await;
    let progress = Progress {
        attempts: 3,
        failures: 2,
        faulty_since: Some(Millis(5)),
        answer: Some(Answer {
            values: "{\"a\":1}".into(),
            error: Some("why".into()),
        }),
        sends: 1,
        sent_second: Some(7),
    };
    let mark = Mark {
        progress: progress.clone(),
        problem: Some("waits".into()),
        ..mark(State::AnsweredUnsent, None, Some(NOW))
    };
    set(&storage, 1, mark).await.unwrap();
    let mut due = read_due(&storage, NOW).await;
    let stored = due.jobs.remove(0).1;
    assert_eq!(stored.progress, progress);
    let read = Job {
        properties: crate::job::Properties::default(),
        trace: job(1).trace,
        ..stored.job
    };
    let trace = read.trace;
    assert_eq!(format!("{read:?}"), format!("{:?}", Job { trace, ..job(1) }));
    assert_eq!(stored.payload, b"properties[a]=1");
    assert_eq!((stored.changed, stored.problem.as_deref()), (NOW, Some("waits")));
}

pub(super) async fn a_repeat_changes_nothing(engine: &impl Engine) {
    let storage = engine.open().await;
    insert(&storage, job(1), None).await;
    assert_eq!(accept(&storage, job(1), Some(NOW)).await.unwrap(), Inserted::Repeat);
    assert!(due(&storage, NOW).await.is_empty());
    set(&storage, 1, mark(State::Sent, Some(Outcome::Answered), None))
        .await
        .unwrap();
    assert_eq!(accept(&storage, job(1), Some(NOW)).await.unwrap(), Inserted::Repeat);
    assert!(!quarantine(&storage, job(1), "s").await.unwrap());
    assert_eq!(state(&storage, 1).await, Some((State::Sent, Some(Outcome::Answered))));
}

pub(super) async fn writes_take_effect_in_their_order(engine: &impl Engine) {
    let storage = engine.open().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in [1, 2, 1, 3, 2] {
        let accept = Accept {
            job: Arc::new(job(number)),
            payload: Vec::new(),
            next_attempt: None,
        };
        let told = told.clone();
        storage.accept(accept, move |inserted| {
            told.lock().push((number, inserted.unwrap() == Inserted::Repeat));
        });
    }
    storage.set_settled(1).await.unwrap();
    assert_eq!(*told.lock(), [(1, false), (2, false), (1, true), (3, false), (2, true)]);
}

pub(super) async fn what_memory_held_is_due_after_a_restart(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=5 {
        insert(&storage, job(number), None).await;
    }
    set(&storage, 2, mark(State::Sent, Some(Outcome::Answered), None))
        .await
        .unwrap();
    set(&storage, 4, mark(State::Accepted, None, Some(later(9))))
        .await
        .unwrap();
    storage.set_settled(row(&storage, 2).await).await.unwrap();
    assert!(due(&storage, NOW).await.is_empty(), "a process has them in memory");
    drop(storage);

    let storage = engine.open().await;
    assert_eq!(storage.recover(NOW).await.unwrap(), 2);
    assert_eq!(due(&storage, NOW).await, [3, 5]);
    let due = read_due(&storage, NOW).await;
    assert_eq!(due.next, Some(later(9)));
    assert_eq!(storage.reads().newest().await.unwrap(), row(&storage, 5).await);
}

pub(super) async fn due_jobs_come_in_order_and_not_all_at_once(engine: &impl Engine) {
    let storage = engine.open().await;
    for (number, at) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        insert(&storage, job(number), Some(Millis(at))).await;
    }
    let reads = storage.reads();
    let held = row(&storage, 2).await;
    let some = reads
        .due(line(), Millis(30), 2, None, Box::new(move |row| row == held))
        .await
        .unwrap();
    assert_eq!(numbers(&some), [3, 1]);
    assert!(!some.more);
    assert_eq!(some.next, Some(Millis(40)));
    let first = reads
        .due(line(), Millis(30), 1, None, Box::new(|_| false))
        .await
        .unwrap();
    assert!(first.more);
    let behind = Some(first.jobs[0].0);
    let others = reads
        .due(line(), Millis(30), 9, behind, Box::new(|_| false))
        .await
        .unwrap();
    assert_eq!((numbers(&first), numbers(&others)), (vec![2], vec![3, 1]));
}

pub(super) async fn each_line_waits_for_itself(engine: &impl Engine) {
    let storage = engine.open().await;
    let of = |number, app: &str, member_id: &str, revision: &str| Job {
        app: app.into(),
        member_id: member_id.into(),
        revision: revision.into(),
        ..job(number)
    };
    for (number, app, member_id, revision, at) in [
        (1, "a", "m", "r1", 50),
        (2, "a", "m", "r2", 40),
        (3, "a", "n", "r1", 30),
        (4, "b", "m", "r1", 20),
        (5, "a", "m", "r1", 10),
    ] {
        insert(&storage, of(number, app, member_id, revision), Some(Millis(at))).await;
    }
    // Neither quarantined nor parked jobs, nor those in memory, are in a line.
    insert(&storage, of(6, "c", "m", "r1"), None).await;
    quarantine(&storage, of(7, "d", "m", "r1"), "s").await.unwrap();
    let lines = storage.reads().lines(None).await.unwrap();
    let told: Vec<_> = lines
        .iter()
        .map(|(line, at)| (&*line.app, &*line.member_id, &*line.revision, at.0))
        .collect();
    let expected = [
        ("a", "m", "r1", 10),
        ("a", "m", "r2", 40),
        ("a", "n", "r1", 30),
        ("b", "m", "r1", 20),
    ];
    assert_eq!(told, expected);
    let of = |app: &str| Some((app.to_owned(), "m".to_owned()));
    let reads = storage.reads();
    assert_eq!(reads.lines(of("a")).await.unwrap(), lines[..2], "of one portal");
    assert_eq!(reads.lines(of("b")).await.unwrap(), lines[3..]);
    assert_eq!(reads.lines(of("aa")).await.unwrap(), []);
    let line = Arc::new(lines[0].0.clone());
    let due = storage
        .reads()
        .due(line, Millis(45), 9, None, Box::new(|_| false))
        .await
        .unwrap();
    assert_eq!((numbers(&due), due.next), (vec![5], Some(Millis(50))));
}

pub(super) async fn a_line_is_woken(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=3 {
        insert(&storage, job(number), Some(later(1000 * i64::from(number)))).await;
    }
    let unsent = insert(&storage, job(4), Some(later(1000))).await;
    let mark = mark(State::AnsweredUnsent, None, Some(later(1000)));
    set(&storage, unsent, mark).await.unwrap();
    assert!(due(&storage, NOW).await.is_empty());
    storage.wake_line((*line()).clone(), NOW).await.unwrap();
    assert_eq!(due(&storage, NOW).await, [1, 2, 3], "of the other line, nothing");
    storage.wake_line((*line()).clone(), later(-5)).await.unwrap();
    assert_eq!(
        due(&storage, later(-5)).await,
        [1, 2, 3],
        "woken once more, at a time before"
    );
}

pub(super) async fn the_end_erases_the_payload(engine: &impl Engine) {
    let storage = engine.open().await;
    for (number, state, outcome, kept) in [
        (1, State::Done, None, false),
        (2, State::Sent, None, true),
        (3, State::Parked, None, true),
        (4, State::Done, Some(Outcome::Answered), false),
        (5, State::Done, Some(Outcome::NotWaiting), false),
        (6, State::Done, Some(Outcome::WorkflowGone), false),
        (7, State::Done, Some(Outcome::Expired), true),
        (8, State::Done, Some(Outcome::PortalGone), true),
    ] {
        insert(&storage, job(number), None).await;
        set(&storage, number, mark(state, outcome, None)).await.unwrap();
        let payload = secrets(engine, &storage, number).await.0;
        assert_eq!(payload.is_some(), kept, "{state:?} {outcome:?}");
    }
}

pub(super) async fn old_finished_jobs_go_and_the_newest_stays(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=4 {
        insert(&storage, job(number), None).await;
    }
    for number in [1, 3, 4] {
        set(&storage, number, mark(State::Sent, Some(Outcome::Answered), None))
            .await
            .unwrap();
    }
    assert!(storage.reads().old(NOW).await.unwrap().is_empty());
    let old = storage.reads().old(later(1)).await.unwrap();
    let (one, three, newest) = (row(&storage, 1).await, row(&storage, 3).await, row(&storage, 4).await);
    assert_eq!(old, [one, three], "one is not over, one is the newest");
    storage.forget(old).await.unwrap();
    assert_eq!(storage.reads().newest().await.unwrap(), newest);
    assert_eq!(state(&storage, 1).await, None);
}

pub(super) async fn people_see_jobs_newest_first_and_by_filter(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=4 {
        insert(&storage, job(number), None).await;
    }
    set(&storage, 2, mark(State::Parked, None, None)).await.unwrap();
    let list = async |filter: Filter| -> Vec<u32> {
        let jobs = storage.reads().jobs(Filter { limit: 2, ..filter }).await.unwrap();
        jobs.iter().map(|job| number(&job.workflow_id)).collect()
    };
    let all = Filter::default;
    assert_eq!(list(all()).await, [4, 3]);
    assert_eq!(
        list(Filter {
            before: Some(row(&storage, 3).await),
            ..all()
        })
        .await,
        [2, 1]
    );
    assert_eq!(
        list(Filter {
            state: Some(State::Parked),
            ..all()
        })
        .await,
        [2]
    );
    let workflow_id = Some(job(3).workflow_id);
    assert_eq!(list(Filter { workflow_id, ..all() }).await, [3]);
    let document_id = Some("D_4".into());
    assert_eq!(list(Filter { document_id, ..all() }).await, [4]);
    let code = Some("digest".into());
    assert_eq!(list(Filter { code, ..all() }).await, [] as [u32; 0]);
    set(&storage, 1, mark(State::Done, Some(Outcome::Expired), None))
        .await
        .unwrap();
    let outcome = Some(Outcome::Expired);
    assert_eq!(list(Filter { outcome, ..all() }).await, [1]);
    for (received_before, rows) in [(Some(NOW), 0), (Some(later(1)), 2)] {
        assert_eq!(
            list(Filter {
                received_before,
                ..all()
            })
            .await
            .len(),
            rows
        );
    }
    let app = Some("other".into());
    assert_eq!(list(Filter { app, ..all() }).await, [] as [u32; 0]);
    assert_eq!(storage.reads().job("no id".into()).await.unwrap(), None);
}

/// No portal sends one in an id: who does gets a job like any other.
pub(super) async fn a_nul_in_an_id_does_no_harm(engine: &impl Engine) {
    let storage = engine.open().await;
    let document_id = "D\0_1";
    let odd = Job {
        document_id: Some(["crm", "Deal", document_id].map(Into::into)),
        ..job(1)
    };
    insert(&storage, odd, None).await;
    let filter = Filter {
        document_id: Some(document_id.into()),
        limit: 2,
        ..Filter::default()
    };
    assert_eq!(storage.reads().jobs(filter).await.unwrap().len(), 1);
}

pub(super) async fn waiting_jobs_are_counted(engine: &impl Engine) {
    let storage = engine.open().await;
    for number in 1..=3 {
        insert(&storage, job(number), Some(NOW)).await;
    }
    let parked = Mark {
        changed: later(7),
        ..mark(State::Parked, None, None)
    };
    set(&storage, 2, parked).await.unwrap();
    set(&storage, 3, mark(State::AnsweredUnsent, None, Some(NOW)))
        .await
        .unwrap();
    let mut waiting: Vec<_> = storage
        .reads()
        .waiting()
        .await
        .unwrap()
        .iter()
        .map(|w| (w.state as u8, w.jobs, w.oldest))
        .collect();
    waiting.sort_unstable();
    assert_eq!(waiting, [(1, 1, NOW), (3, 1, NOW), (6, 1, later(7))]);
}

pub(super) async fn the_snapshot_is_kept(engine: &impl Engine) {
    let storage = engine.open().await;
    assert_eq!(storage.reads().snapshot().await.unwrap(), None);
    storage.set_snapshot(b"one".to_vec()).await.unwrap();
    storage.set_snapshot(b"two".to_vec()).await.unwrap();
    drop(storage);
    assert_eq!(
        engine.open().await.reads().snapshot().await.unwrap().as_deref(),
        Some(&b"two"[..])
    );
}
