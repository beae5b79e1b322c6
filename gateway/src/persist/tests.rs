//! Queries, on a store of their own.

use bitrix::{
    form::Limits,
    post::{Post, classify},
};
use rusqlite::Connection;
use service::Telemetry;

use super::{
    MIGRATIONS, RowId,
    insert::{self, Inserted},
    load,
    mark::Mark,
    meta, quarantine, retention, view,
};
use crate::{
    job::{Answer, Job, Millis, Outcome, Progress, State},
    trace::Trace,
};

const NOW: Millis = Millis(1_700_000_000_000);

fn store() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(MIGRATIONS[0]).unwrap();
    db
}

fn job(number: u32) -> Job {
    let body = format!(
        "workflow_id=65808f8311b{number:03x}.28237158&code=md5&event_token=a|b|{number}.c&auth[member_id]=m\
         &document_id[0]=crm&document_id[1]=Deal&document_id[2]=D_{number}&use_subscription=Y&timeout_duration=60"
    );
    let Ok(Post::Callback(callback)) = classify(body.as_bytes(), None, &Limits::default()) else {
        panic!("a callback")
    };
    Job::of_callback(callback, "demo", "r1", NOW, Trace::begin(&Telemetry::off()))
}

fn insert(db: &Connection, job: &Job, next: Option<Millis>) -> RowId {
    match insert::accepted(db, job, b"properties[a]=1", next).unwrap() {
        Inserted::New(row) => row,
        other => panic!("{other:?}"),
    }
}

fn mark(state: State, outcome: Option<Outcome>, next_attempt: Option<Millis>) -> Mark {
    Mark {
        state,
        outcome,
        next_attempt,
        progress: Progress::default(),
        problem: None,
        changed: NOW,
    }
}

fn due(db: &Connection, now: Millis) -> Vec<RowId> {
    load::due(db, now, 100, |_| false)
        .unwrap()
        .jobs
        .iter()
        .map(|stored| stored.row)
        .collect()
}

#[test]
fn a_job_comes_back_as_it_was() {
    let db = store();
    let job = job(1);
    insert(&db, &job, Some(NOW));
    let progress = Progress {
        attempts: 3,
        failures: 2,
        faulty_since: Some(Millis(5)),
        answer: Some(Answer {
            values: "{\"a\":1}".into(),
            error: Some("why".into()),
        }),
        sends: 1,
    };
    let mark = Mark {
        progress: progress.clone(),
        ..mark(State::AnsweredUnsent, None, Some(NOW))
    };
    mark.write(&db, 1).unwrap();
    let stored = load::due(&db, NOW, 1, |_| false).unwrap().jobs.remove(0);
    assert_eq!(stored.progress, progress);
    assert_eq!(
        format!(
            "{:?}",
            Job {
                properties: crate::job::Properties::default(),
                ..stored.job
            }
        ),
        format!("{job:?}")
    );
    assert_eq!(stored.payload, b"properties[a]=1");
}

#[test]
fn a_repeat_is_seen_and_a_quarantined_job_promoted() {
    let db = store();
    assert!(insert::quarantined(&db, &job(1), b"sealed", NOW, "1.2.3.4").unwrap());
    assert!(!insert::quarantined(&db, &job(1), b"other", NOW, "1.2.3.4").unwrap());
    assert_eq!(quarantine::sources(&db).unwrap(), [("1.2.3.4".to_owned(), 6)]);
    assert_eq!(
        insert::accepted(&db, &job(1), b"p", None).unwrap(),
        Inserted::Promoted(1)
    );
    assert_eq!(insert::accepted(&db, &job(1), b"p", None).unwrap(), Inserted::Repeat);
    assert_eq!(due(&db, NOW), [1], "it is taken from the store");
    assert!(quarantine::sources(&db).unwrap().is_empty());
}

#[test]
fn what_memory_held_is_due_after_a_restart() {
    let db = store();
    for number in 1..=5 {
        insert(&db, &job(number), None);
    }
    mark(State::Sent, Some(Outcome::Answered), None).write(&db, 2).unwrap();
    mark(State::Accepted, None, Some(Millis(NOW.0 + 9)))
        .write(&db, 4)
        .unwrap();
    meta::set_settled(&db, 2).unwrap();
    assert!(due(&db, NOW).is_empty(), "a process has them in memory");
    assert_eq!(load::recover(&db, NOW).unwrap(), 2);
    assert_eq!(due(&db, NOW), [3, 5]);
    assert_eq!(
        load::due(&db, NOW, 100, |_| false).unwrap().next,
        Some(Millis(NOW.0 + 9))
    );
    assert_eq!(load::newest(&db).unwrap(), 5);
}

#[test]
fn due_jobs_come_in_order_and_not_all_at_once() {
    let db = store();
    for (number, at) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        insert(&db, &job(number), Some(Millis(at)));
    }
    let some = load::due(&db, Millis(30), 2, |row| row == 2).unwrap();
    assert_eq!(some.jobs.iter().map(|stored| stored.row).collect::<Vec<_>>(), [3, 1]);
    assert!(!some.more);
    assert!(load::due(&db, Millis(30), 1, |_| false).unwrap().more);
}

#[test]
fn the_end_erases_the_payload() {
    let db = store();
    let payload = |row: RowId| -> Option<Vec<u8>> {
        db.query_row("SELECT payload FROM jobs WHERE id = ?1", [row], |row| row.get(0))
            .unwrap()
    };
    for (number, state, kept) in [
        (1, State::Done, false),
        (2, State::Sent, true),
        (3, State::Parked, true),
    ] {
        let row = insert(&db, &job(number), None);
        mark(state, None, None).write(&db, row).unwrap();
        assert_eq!(payload(row).is_some(), kept, "{state:?}");
    }
}

#[test]
fn a_disproved_job_keeps_nothing_secret() {
    let db = store();
    insert::quarantined(&db, &job(1), b"sealed", NOW, "s").unwrap();
    quarantine::discard(&db, 1, "disproved", NOW).unwrap();
    let (payload, token): (Option<Vec<u8>>, String) = db
        .query_row("SELECT payload, event_token FROM jobs", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((payload, token.as_str()), (None, ""));
    let view = view::get(&db, &job(1).id()).unwrap().unwrap();
    assert_eq!((view.state, view.outcome), (State::Done, Some(Outcome::Discarded)));
}

#[test]
fn parked_strangers_are_bounded() {
    let db = store();
    for number in 1..=1003 {
        insert::quarantined(&db, &job(number), b"sealed", NOW, "s").unwrap();
    }
    let evicted: usize = (1..=1003)
        .map(|row| quarantine::park(&db, row, "not proved", NOW).unwrap())
        .sum();
    assert_eq!(evicted, 3);
    assert_eq!(
        view::get(&db, &job(3).id()).unwrap().unwrap().outcome,
        Some(Outcome::Discarded)
    );
    assert_eq!(view::get(&db, &job(4).id()).unwrap().unwrap().state, State::Parked);
}

#[test]
fn old_finished_jobs_go_and_the_newest_stays() {
    let db = store();
    for number in 1..=4 {
        insert(&db, &job(number), None);
    }
    for row in [1, 3, 4] {
        mark(State::Sent, Some(Outcome::Answered), None)
            .write(&db, row)
            .unwrap();
    }
    let later = Millis(NOW.0 + 1);
    assert!(retention::old(&db, NOW).unwrap().is_empty());
    let old = retention::old(&db, later).unwrap();
    assert_eq!(old, [1, 3], "one is not over, one is the newest");
    retention::delete(&db, &old).unwrap();
    assert_eq!(load::newest(&db).unwrap(), 4);
}

#[test]
fn the_usual_writes_use_their_indexes() {
    let db = store();
    let plan = |sql: &str| -> String {
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = plan.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    for (sql, index) in [
        (
            "SELECT next_attempt, id FROM jobs WHERE state = 1 AND next_attempt <= 5 ORDER BY next_attempt",
            "jobs_due",
        ),
        (
            "SELECT min(next_attempt) FROM jobs WHERE state = 3 AND next_attempt > 5",
            "jobs_due",
        ),
        (
            "SELECT id FROM jobs WHERE 1 AND state = 6 ORDER BY id DESC LIMIT 50",
            "jobs_parked",
        ),
        (
            "SELECT id FROM jobs WHERE key BETWEEN x'00' AND x'ff' LIMIT 1",
            "sqlite_autoindex_jobs_1",
        ),
        (
            "UPDATE jobs SET next_attempt = 1 WHERE id >= 5 AND state = 1 AND next_attempt IS NULL",
            "PRIMARY KEY",
        ),
    ] {
        assert!(plan(sql).contains(index), "{sql}: {}", plan(sql));
    }
}
