//! SQLite under the contract's tests, and what is its own: its query plans.

use store::sqlite::rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;

use super::{Jobs, load};
use crate::{
    config,
    storage::{
        RowId, Storage,
        tests::{Engine, Fault},
    },
};
use store::sqlite::Commands;

/// A file of its own.
pub(crate) struct File(TempDir);

impl File {
    /// A connection beside the store's own.
    fn shell(&self) -> Connection {
        Connection::open(self.0.path().join("gateway.db")).unwrap()
    }
}

impl Engine for File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> Storage {
        let store = config::Store {
            path: self.0.path().join("gateway.db"),
            ..config::Store::default()
        };
        Storage::open(&store).await.unwrap()
    }

    fn secrets(&self, row: RowId) -> (Option<Vec<u8>>, String) {
        let sql = "SELECT payload, event_token FROM jobs WHERE id = ?1";
        self.shell()
            .query_row(sql, [row], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
    }

    fn break_jobs(&self, code: &str, fault: Fault) {
        let raise = match fault {
            Fault::Command => "ABORT",
            Fault::Group => "ROLLBACK",
        };
        for event in ["INSERT", "UPDATE"] {
            let trigger = format!(
                "CREATE TRIGGER broken_{event} BEFORE {event} ON jobs WHEN NEW.code = '{code}'
                 BEGIN SELECT RAISE({raise}, 'broken on purpose'); END"
            );
            self.shell().execute_batch(&trigger).unwrap();
        }
    }

    fn mend(&self) {
        self.shell()
            .execute_batch("DROP TRIGGER broken_INSERT; DROP TRIGGER broken_UPDATE")
            .unwrap();
    }
}

#[test]
fn what_an_older_version_had_in_quarantine_is_sealed() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(Jobs::MIGRATIONS[0]).unwrap();
    for (id, state, outcome, attempts) in [
        (1, 0, None, 0),
        (2, 6, None, 0),
        (3, 5, Some(7), 0),
        (4, 6, None, 1),
        (5, 5, Some(1), 1),
        (6, 1, None, 0),
    ] {
        db.execute(
            "INSERT INTO jobs (id, key, state, outcome, attempts, app, member_id, revision, workflow_id, code, event_token, \
             subscription, user_id, received, deadline, timed, trace, changed) \
             VALUES (?1, CAST(?1 AS BLOB), ?2, ?3, ?4, '', '', '', '', '', '', 1, 1, 1, 1, 0, x'', 1)",
            (id, state, outcome, attempts),
        )
        .unwrap();
    }
    db.execute_batch(Jobs::MIGRATIONS[1]).unwrap();
    let mut sealed = db.prepare("SELECT id FROM jobs WHERE sealed ORDER BY id").unwrap();
    let sealed = sealed.query_map([], |row| row.get::<_, RowId>(0)).unwrap();
    assert_eq!(sealed.map(Result::unwrap).collect::<Vec<_>>(), [1, 2, 3]);
}

fn migrated() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    for migration in Jobs::MIGRATIONS {
        db.execute_batch(migration).unwrap();
    }
    db
}

#[test]
fn the_usual_writes_use_their_indexes() {
    let db = migrated();
    let plan = |sql: &str| -> String {
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let values = vec![""; plan.parameter_count()];
        let rows = plan
            .query_map(params_from_iter(values), |row| row.get::<_, String>(3))
            .unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    for (sql, index) in [
        (
            load::NEXT_LINE,
            "USING COVERING INDEX jobs_line ((app,member_id,revision,state)>(?,?,?,?))",
        ),
        (
            load::DUE,
            "INDEX jobs_line (app=? AND member_id=? AND revision=? AND state=? AND next_attempt>? AND next_attempt<?)",
        ),
        (
            load::LATER,
            "INDEX jobs_line (app=? AND member_id=? AND revision=? AND state=? AND next_attempt>?)",
        ),
        (
            load::WAKE,
            "INDEX jobs_line (app=? AND member_id=? AND revision=? AND state=? AND next_attempt>?)",
        ),
        (
            "SELECT id FROM jobs WHERE state = 0 AND next_attempt <= 5 ORDER BY next_attempt",
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
        (
            "SELECT at FROM history WHERE job = 5 ORDER BY id DESC",
            "history_of_job",
        ),
    ] {
        assert!(plan(sql).contains(index), "{sql}: {}", plan(sql));
    }
}

/// A table in memory for each write of a job that waits cost a fifth of all CPU.
#[test]
fn a_mark_makes_no_table_in_memory() {
    let db = migrated();
    let sql = "EXPLAIN UPDATE jobs SET state = 5, next_attempt = 7, answer = '' WHERE id = 1";
    let mut program = db.prepare(sql).unwrap();
    let operations = program.query_map([], |row| row.get::<_, String>(1)).unwrap();
    let operations: Vec<_> = operations.map(Result::unwrap).collect();
    assert!(operations.iter().any(|operation| operation == "OpenWrite"));
    assert!(
        !operations.iter().any(|operation| operation == "OpenEphemeral"),
        "{operations:?}"
    );
}
