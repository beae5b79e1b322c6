//! PostgreSQL under the contract's tests, and what is its own: lost replies, query plans.

use std::{fmt::Write, sync::Arc};

use harness::postgres;
use store::{
    StoreError,
    postgres::{Commands, Settings},
};
use tokio::sync::oneshot;

use super::{Jobs, load, quarantine, retention, row, view, write};
use crate::{
    config,
    job::{Job, Outcome as Ending, State},
    storage::{
        Accept, Command, Inserted, Outcome, RowId, Settle, Settling, Storage,
        tests::{self, Engine, Fault, NOW, job, mark},
    },
};

/// A database of its own.
pub(crate) struct Database(postgres::Database);

impl Database {
    fn config(&self) -> config::Store {
        config::Store {
            url: Some(self.0.url().parse().unwrap()),
            ..config::Store::default()
        }
    }

    fn settings(&self) -> Settings {
        self.config().database().unwrap()
    }
}

impl Engine for Database {
    fn new() -> Self {
        Self(postgres::database())
    }

    async fn open(&self) -> Storage {
        let storage = Storage::open(&self.config()).await.unwrap();
        storage.work().taken().await;
        storage
    }

    fn secrets(&self, row: RowId) -> (Option<Vec<u8>>, String) {
        let columns = "coalesce(encode(payload, 'hex'), 'erased') || ' ' || event_token";
        let row = self
            .0
            .sql(&format!("SELECT {columns} FROM gateway.jobs WHERE id = {row}"));
        let (payload, token) = row.trim_end_matches('\n').split_once(' ').unwrap();
        let payload = (payload != "erased").then(|| data_encoding::HEXLOWER.decode(payload.as_bytes()).unwrap());
        (payload, token.to_owned())
    }

    fn break_jobs(&self, code: &str, fault: Fault) {
        let state = match fault {
            Fault::Command => postgres::BAD_VALUE,
            Fault::Group => postgres::DISK_FULL,
        };
        self.0.break_writes(
            "INSERT OR UPDATE",
            "gateway.jobs",
            &format!("NEW.code = '{code}'"),
            state,
        );
    }

    fn mend(&self) {
        self.0.mend();
    }
}

fn accept(job: &Arc<Job>) -> Command {
    Command::Accept(Accept {
        job: job.clone(),
        payload: b"properties[a]=1".to_vec(),
        next_attempt: None,
    })
}

#[tokio::test]
async fn what_was_accepted_though_its_reply_was_lost_is_not_taken_for_a_repeat() {
    let database = Database::new();
    let (groups, _, lease) = store::postgres::open::<Jobs>(&database.settings()).await.unwrap();
    lease.taken().await;
    let (one, other) = (Arc::new(job(1)), Arc::new(job(1)));
    let mut accepted = Vec::new();
    for job in [&one, &one, &other] {
        accepted.push(groups.write(accept(job)).await.unwrap().inserted());
    }
    assert!(matches!(accepted[0], Inserted::New(_)));
    assert_eq!(accepted[1], accepted[0]);
    assert_eq!(accepted[2], Inserted::Repeat, "another callback of the same step");
}

#[tokio::test]
async fn what_may_have_been_accepted_is_due_when_the_database_is_back() {
    let database = Database::new();
    let (groups, reads, lease) = store::postgres::open::<Jobs>(&database.settings()).await.unwrap();
    lease.taken().await;
    let known = Arc::new(job(1));
    groups.write(accept(&known)).await.unwrap();
    let doubts = [&known, &Arc::new(job(2))].map(|job| write::Doubt::of(&accept(job)).unwrap());
    let db = reads.lend().await.unwrap();
    db.run(write::resolve(&db, &doubts)).await.unwrap();
    let lines = db.run(load::lines(&db, None)).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.1).collect::<Vec<_>>(), [NOW]);
    assert!(Jobs::doubt(&Command::CountSources).is_none());
}

/// Another process works: what this one takes is for that one, and what it would do itself is not done.
#[tokio::test]
async fn who_does_not_work_takes_callbacks_and_changes_no_job() {
    let database = Database::new();
    let works = database.open().await;
    let stands_by = Storage::open(&database.config()).await.unwrap();
    tests::insert(&works, job(1), None).await;
    tests::insert(&stands_by, job(2), None).await;
    assert_eq!(tests::due(&works, NOW).await, [2], "nobody has it in memory");

    let sent = || mark(State::Sent, Some(Ending::Answered), None);
    tests::set(&stands_by, 1, sent()).await.unwrap();
    assert_eq!(tests::state(&works, 1).await, Some((State::Accepted, None)));
    let settled = stands_by.set_settled(RowId::MAX).await;
    assert!(matches!(settled, Err(StoreError::TakenOver { .. })), "{settled:?}");
    assert!(stands_by.recover(NOW).await.is_err());

    tests::set(&works, 1, sent()).await.unwrap();
    let row = works.reads().job(job(1).id()).await.unwrap().unwrap().row;
    let settle = |storage: &Storage| {
        let (told, written) = oneshot::channel();
        let settle = Settle {
            jobs: vec![(row, Settling::Repeat)],
            now: NOW,
        };
        storage.settle(settle, |outcome| drop(told.send(outcome)));
        written
    };
    settle(&stands_by).await.unwrap().unwrap();
    assert_eq!(
        tests::state(&works, 1).await,
        Some((State::Sent, Some(Ending::Answered)))
    );
    settle(&works).await.unwrap().unwrap();
    assert_eq!(tests::state(&works, 1).await, Some((State::Accepted, None)));
}

#[tokio::test]
async fn a_group_may_have_much_of_each_kind() {
    let database = Database::new();
    let (groups, _, lease) = store::postgres::open::<Jobs>(&database.settings()).await.unwrap();
    lease.taken().await;
    let jobs: Vec<_> = (1..=300).map(|number| Arc::new(job(number))).collect();
    let accepts: Vec<_> = jobs.iter().map(accept).collect();
    let commands: Vec<_> = accepts.iter().collect();
    assert_eq!(Jobs::together(&commands), 300);
    let repeat = accept(&jobs[7]);
    let with_repeat: Vec<_> = accepts.iter().chain([&repeat]).collect();
    assert_eq!(Jobs::together(&with_repeat), 300, "a statement meets a row once");
    let written = accepts.into_iter().map(|accept| groups.write(accept));
    let written = futures::future::join_all(written).await;
    assert!(
        written
            .into_iter()
            .all(|outcome| matches!(outcome, Ok(Outcome::Inserted(Inserted::New(_)))))
    );
}

#[tokio::test]
async fn the_usual_statements_use_their_indexes() {
    let database = Database::new();
    let (_groups, reads, _lease) = store::postgres::open::<Jobs>(&database.settings()).await.unwrap();
    database.0.sql(
        "INSERT INTO gateway.jobs (lane, id, key, state, app, member_id, revision, workflow_id, code, event_token, subscription, \
         user_id, received, deadline, timed, trace, sealed, next_attempt, changed) \
         SELECT n % 256, n, decode(lpad(to_hex(n), 78, '0'), 'hex'), n % 7, '', '', '', '', '', '', 1, 1, 1, 1, false, '', false, n, 1 \
         FROM generate_series(1, 50000) AS n",
    );
    let db = reads.lend().await.unwrap();
    for setting in ["enable_seqscan = off", "plan_cache_mode = force_generic_plan"] {
        db.query_composed(&format!("SET {setting}"), &[]).await.unwrap();
    }
    for (sql, index) in [
        (write::WRITE, "jobs_pkey"),
        (load::LINES, "jobs_line"),
        (load::DUE, "jobs_line"),
        (load::LATER, "jobs_line"),
        (load::WAKE, "jobs_line"),
        (row::OF_IDS, "jobs_pkey"),
        (row::QUARANTINED, "jobs_quarantined"),
        (quarantine::EVICT, "jobs_parked"),
        (retention::OLD, "jobs_pkey"),
        (view::OF_ID, "jobs_lane_key_key"),
    ] {
        let parameters = (1..100).filter(|number| sql.contains(&format!("${number}"))).count();
        let nulls = vec!["NULL"; parameters].join(", ");
        db.query_composed(&format!("PREPARE planned AS {sql}"), &[])
            .await
            .unwrap();
        let rows = db
            .query_composed(&format!("EXPLAIN EXECUTE planned ({nulls})"), &[])
            .await
            .unwrap();
        let mut plan = String::new();
        for row in rows {
            writeln!(plan, "{}", row.get::<_, &str>(0)).unwrap();
        }
        assert!(
            plan.contains(index) && !plan.contains("Seq Scan on jobs"),
            "{sql}: {plan}"
        );
        db.query_composed("DEALLOCATE planned", &[]).await.unwrap();
    }
}
