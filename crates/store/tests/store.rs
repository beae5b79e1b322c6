//! The store as a service uses it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use store::{Db, StoreError};
use tempfile::TempDir;

const SCHEMA: &[&str] = &["CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT NOT NULL CHECK (text != 'bad')) STRICT"];

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn insert(db: &Db, text: &str) -> Result<i64, StoreError> {
    let text = text.to_owned();
    db.write(move |tx| {
        tx.execute("INSERT INTO t (text) VALUES (?1)", [&text])?;
        Ok(tx.last_insert_rowid())
    })
    .await
}

async fn texts(db: &Db) -> Vec<String> {
    db.read(|db| {
        db.prepare("SELECT text FROM t ORDER BY n")?
            .query_map([], |row| row.get(0))?
            .collect()
    })
    .await
    .unwrap()
}

/// Holds the commit thread until the returned sender is dropped, so that what follows becomes one group.
fn hold(db: &Db) -> mpsc::Sender<()> {
    let (free, held) = mpsc::channel::<()>();
    let (started, running) = mpsc::channel();
    db.submit(
        move |_| {
            started.send(()).unwrap();
            // An error is the sender's end, and what is waited for.
            let _freed = held.recv();
            Ok(())
        },
        |held: Result<_, _>| held.unwrap(),
    );
    running.recv().unwrap();
    free
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let folder = folder();
    let path = folder.path().join("a.db");
    let db = Db::open(&path, SCHEMA).unwrap();
    insert(&db, "one").await.unwrap();
    db.submit_lazily(
        |tx| tx.execute("INSERT OR IGNORE INTO t VALUES (7, 'lazy')", []).map(drop),
        drop,
    );
    drop(db);

    let db = Db::open(&path, SCHEMA).unwrap();
    assert_eq!(texts(&db).await, ["one", "lazy"]);
}

#[tokio::test]
async fn a_lazy_write_needs_no_other_write() {
    let folder = folder();
    let db = Db::open(folder.path().join("a.db"), SCHEMA).unwrap();
    let (done, committed) = tokio::sync::oneshot::channel();
    db.submit_lazily(
        |tx| tx.execute("INSERT INTO t (text) VALUES ('lazy')", []).map(drop),
        move |outcome| done.send(outcome).unwrap(),
    );
    committed.await.unwrap().unwrap();
    assert_eq!(texts(&db).await, ["lazy"]);
}

#[tokio::test]
async fn one_failing_write_leaves_its_group_alone() {
    let folder = folder();
    let db = Db::open(folder.path().join("a.db"), SCHEMA).unwrap();
    let free = hold(&db);
    let steps = db.write(|tx| {
        tx.execute("INSERT INTO t (text) VALUES ('half')", [])?;
        tx.execute("INSERT INTO t (text) VALUES ('bad')", [])
    });
    let before = insert(&db, "before");
    let after = insert(&db, "after");
    let all = async { tokio::join!(before, steps, after) };
    let free = async { drop(free) };
    let ((before, steps, after), ()) = tokio::join!(all, free);
    assert!(before.is_ok() && after.is_ok());
    assert!(matches!(steps, Err(StoreError::Statement { .. })), "{steps:?}");
    assert_eq!(texts(&db).await, ["before", "after"]);
}

#[tokio::test]
async fn a_group_is_released_by_one_task_in_order() {
    let folder = folder();
    let db = Db::open(folder.path().join("a.db"), SCHEMA).unwrap();
    let free = hold(&db);
    let threads = Arc::new(parking_lot::Mutex::new(Vec::new()));
    for n in 0..10 {
        let threads = threads.clone();
        db.submit(
            move |tx| tx.execute("INSERT INTO t VALUES (?1, 'x')", [n]),
            move |_| threads.lock().push((n, std::thread::current().id())),
        );
    }
    drop(free);
    insert(&db, "last").await.unwrap();
    let here = std::thread::current().id();
    assert_eq!(*threads.lock(), (0..10).map(|n| (n, here)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let folder = folder();
    let db = Db::open(folder.path().join("a.db"), SCHEMA).unwrap();
    insert(&db, "one").await.unwrap();
    let pages: i64 = db
        .read(|db| db.query_row("PRAGMA page_count", [], |row| row.get(0)))
        .await
        .unwrap();
    let limit = move |pages: i64| {
        move |tx: &store::rusqlite::Transaction<'_>| {
            tx.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))
        }
    };
    db.write(limit(pages)).await.unwrap();

    let lazy_runs = Arc::new(AtomicUsize::new(0));
    let free = hold(&db);
    let (runs, big) = (lazy_runs.clone(), "x".repeat(100_000));
    db.submit_lazily(
        move |tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            tx.execute("INSERT OR REPLACE INTO t VALUES (9, 'lazy')", []).map(drop)
        },
        drop,
    );
    let (big, small, ()) = tokio::join!(insert(&db, &big), insert(&db, "small"), async { drop(free) });
    let error = big.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("the disk is full: make room"), "{error}");
    assert!(
        matches!(small, Err(StoreError::Unavailable { .. })),
        "the group shares its fate"
    );

    assert_eq!(
        lazy_runs.load(Ordering::SeqCst),
        0,
        "the group failed before its turn came"
    );

    db.write(limit(1 << 30)).await.unwrap();
    insert(&db, "two").await.unwrap();
    drop(db);
    let db = Db::open(folder.path().join("a.db"), SCHEMA).unwrap();
    assert_eq!(texts(&db).await, ["one", "lazy", "two"]);
}

#[tokio::test]
async fn a_panicking_write_is_an_error() {
    let folder = folder();
    let db = Db::open(folder.path().join("a.db"), SCHEMA).unwrap();
    let outcome = db
        .write(|tx| -> store::rusqlite::Result<()> {
            tx.execute("INSERT INTO t (text) VALUES ('half')", [])?;
            panic!("on purpose")
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Panicked { .. })));
    insert(&db, "one").await.unwrap();
    assert_eq!(texts(&db).await, ["one"]);
}

#[tokio::test]
async fn a_second_user_is_refused() {
    let folder = folder();
    let path = folder.path().join("a.db");
    let first = Db::open(&path, SCHEMA).unwrap();
    let error = Db::open(&path, SCHEMA).unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    drop(first);
    Db::open(&path, SCHEMA).unwrap();
}

const LATER: &[&str] = &["CREATE TABLE never (n)", "CREATE TABLE u (n INTEGER) STRICT"];
const BROKEN: &[&str] = &["", "", "CREATE TABLE w (n); CREATE TABLE u (n)"];

#[tokio::test]
async fn schemas_grow_and_newer_ones_are_refused() {
    let folder = folder();
    let path = folder.path().join("a.db");
    insert(&Db::open(&path, SCHEMA).unwrap(), "one").await.unwrap();

    let db = Db::open(&path, LATER).unwrap();
    assert_eq!(texts(&db).await, ["one"]);
    drop(db);

    let error = Db::open(&path, SCHEMA).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("schema version 2, but this program knows only 1"),
        "{error}"
    );

    let error = Db::open(&path, BROKEN).unwrap_err();
    assert!(error.to_string().contains("left at version 2"), "{error}");
    let db = Db::open(&path, LATER).unwrap();
    let tables: i64 = db
        .read(|db| {
            db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'w'", [], |row| {
                row.get(0)
            })
        })
        .await
        .unwrap();
    assert_eq!(tables, 0, "a failed migration leaves nothing");
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = folder();
    let error = Db::open(folder.path().join("no/such/a.db"), SCHEMA).unwrap_err();
    assert!(error.to_string().contains("check that its folder exists"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let db = Db::open(folder.path().join("a.db"), SCHEMA).unwrap();
    insert(&db, "one").await.unwrap();
    for name in ["a.db", "a.db-wal", "a.db.lock"] {
        let mode = folder.path().join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is {mode:o}");
    }
}
