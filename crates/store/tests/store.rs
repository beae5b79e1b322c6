//! The store as a service uses it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use parking_lot::Mutex;
use store::{
    Groups, StoreError,
    sqlite::{
        self, Commands, Reads,
        rusqlite::{Result, Transaction},
    },
};
use tempfile::TempDir;

/// What the tests ask for: plain values, but for the one that stops the commit thread on purpose.
enum Command {
    Insert(String),
    InsertAt(i64, String),
    /// Two inserts, of which the second may fail.
    Both(String, String),
    /// Holds the commit thread until the sender is dropped, so that what follows becomes one group.
    Hold(mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>),
    /// As `InsertAt`, and counts how often it was applied.
    Counted(i64, Arc<AtomicUsize>),
    MaxPages(i64),
    PanicAfter(String),
}

struct Table;

impl Commands for Table {
    type Command = Command;
    type Outcome = i64;
    const MIGRATIONS: &'static [&'static str] =
        &["CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT NOT NULL CHECK (text != 'bad')) STRICT"];

    fn has_steps(command: &Command) -> bool {
        matches!(command, Command::Both(..) | Command::PanicAfter(_))
    }

    fn apply(tx: &Transaction<'_>, command: &Command) -> Result<i64> {
        let insert = |text: &str| tx.execute("INSERT INTO t (text) VALUES (?1)", [text]);
        let insert_at = |n: i64, text: &str| tx.execute("INSERT OR REPLACE INTO t VALUES (?1, ?2)", (n, text));
        match command {
            Command::Insert(text) => {
                insert(text)?;
            }
            Command::InsertAt(n, text) => {
                insert_at(*n, text)?;
            }
            Command::Both(one, two) => {
                insert(one)?;
                insert(two)?;
            }
            Command::Hold(started, held) => {
                started.send(()).unwrap();
                // An error is the sender's end, and what is waited for.
                let _freed = held.lock().recv();
            }
            Command::Counted(n, runs) => {
                runs.fetch_add(1, Ordering::SeqCst);
                insert_at(*n, "lazy")?;
            }
            Command::MaxPages(pages) => {
                tx.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?;
            }
            Command::PanicAfter(text) => {
                insert(text)?;
                panic!("on purpose")
            }
        }
        Ok(tx.last_insert_rowid())
    }
}

type Writes = Groups<Command, i64>;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &TempDir) -> (Writes, Reads) {
    sqlite::open::<Table>(folder.path().join("a.db")).unwrap()
}

async fn insert(writes: &Writes, text: &str) -> std::result::Result<i64, StoreError> {
    writes.write(Command::Insert(text.to_owned())).await
}

async fn texts(reads: &Reads) -> Vec<String> {
    let texts = reads.read(|db| {
        db.prepare("SELECT text FROM t ORDER BY n")?
            .query_map([], |row| row.get(0))?
            .collect()
    });
    texts.await.unwrap()
}

/// Holds the commit thread until the returned sender is dropped, so that what follows becomes one group.
fn hold(writes: &Writes) -> mpsc::Sender<()> {
    let (free, held) = mpsc::channel::<()>();
    let (started, running) = mpsc::channel();
    writes.submit(Command::Hold(started, Mutex::new(held)), |held| assert!(held.is_ok()));
    running.recv().unwrap();
    free
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let folder = folder();
    let (writes, _) = open(&folder);
    insert(&writes, "one").await.unwrap();
    writes.submit_lazily(Command::InsertAt(7, "lazy".into()), drop);
    drop(writes);

    let (_writes, reads) = open(&folder);
    assert_eq!(texts(&reads).await, ["one", "lazy"]);
}

#[tokio::test]
async fn a_lazy_write_needs_no_other_write() {
    let folder = folder();
    let (writes, reads) = open(&folder);
    let (done, committed) = tokio::sync::oneshot::channel();
    writes.submit_lazily(Command::Insert("lazy".into()), move |outcome| {
        done.send(outcome).unwrap();
    });
    committed.await.unwrap().unwrap();
    assert_eq!(texts(&reads).await, ["lazy"]);
}

#[tokio::test]
async fn one_failing_write_leaves_its_group_alone() {
    let folder = folder();
    let (writes, reads) = open(&folder);
    let free = hold(&writes);
    let before = insert(&writes, "before");
    let steps = writes.write(Command::Both("half".into(), "bad".into()));
    let after = insert(&writes, "after");
    let all = async { tokio::join!(before, steps, after) };
    let free = async { drop(free) };
    let ((before, steps, after), ()) = tokio::join!(all, free);
    assert!(before.is_ok() && after.is_ok());
    assert!(matches!(steps, Err(StoreError::Statement { .. })), "{steps:?}");
    assert_eq!(texts(&reads).await, ["before", "after"]);
}

#[tokio::test]
async fn a_group_is_released_by_one_task_in_order() {
    let folder = folder();
    let (writes, _reads) = open(&folder);
    let free = hold(&writes);
    let threads = Arc::new(Mutex::new(Vec::new()));
    for n in 0..10 {
        let threads = threads.clone();
        writes.submit(Command::InsertAt(n, "x".into()), move |_| {
            threads.lock().push((n, std::thread::current().id()));
        });
    }
    drop(free);
    insert(&writes, "last").await.unwrap();
    let here = std::thread::current().id();
    assert_eq!(*threads.lock(), (0..10).map(|n| (n, here)).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_follows_a_write_may_panic() {
    let folder = folder();
    let (writes, _reads) = open(&folder);
    let free = hold(&writes);
    writes.submit(Command::Insert("one".into()), |_| panic!("on purpose"));
    let (next, ()) = tokio::join!(insert(&writes, "two"), async { drop(free) });
    next.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let folder = folder();
    let (writes, reads) = open(&folder);
    insert(&writes, "one").await.unwrap();
    let pages = reads.read(|db| db.query_row("PRAGMA page_count", [], |row| row.get(0)));
    let pages: i64 = pages.await.unwrap();
    writes.write(Command::MaxPages(pages)).await.unwrap();

    let lazy_runs = Arc::new(AtomicUsize::new(0));
    let free = hold(&writes);
    writes.submit_lazily(Command::Counted(9, lazy_runs.clone()), drop);
    let big = "x".repeat(100_000);
    let (big, small, ()) = tokio::join!(insert(&writes, &big), insert(&writes, "small"), async { drop(free) });
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

    writes.write(Command::MaxPages(1 << 30)).await.unwrap();
    insert(&writes, "two").await.unwrap();
    drop(writes);
    let (_writes, reads) = open(&folder);
    assert_eq!(texts(&reads).await, ["one", "lazy", "two"]);
}

#[tokio::test]
async fn a_panicking_write_is_an_error() {
    let folder = folder();
    let (writes, reads) = open(&folder);
    let outcome = writes.write(Command::PanicAfter("half".into())).await;
    assert!(matches!(outcome, Err(StoreError::Panicked { .. })));
    insert(&writes, "one").await.unwrap();
    assert_eq!(texts(&reads).await, ["one"]);
}

#[tokio::test]
async fn a_second_user_is_refused() {
    let folder = folder();
    let first = open(&folder);
    let error = sqlite::open::<Table>(folder.path().join("a.db")).unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    drop(first);
    open(&folder);
}

/// Other versions of the schema.
struct Later;
struct Broken;

impl Commands for Later {
    type Command = ();
    type Outcome = ();
    const MIGRATIONS: &'static [&'static str] = &["CREATE TABLE never (n)", "CREATE TABLE u (n INTEGER) STRICT"];

    fn has_steps((): &()) -> bool {
        false
    }

    fn apply(_: &Transaction<'_>, (): &()) -> Result<()> {
        Ok(())
    }
}

impl Commands for Broken {
    type Command = ();
    type Outcome = ();
    const MIGRATIONS: &'static [&'static str] = &["", "", "CREATE TABLE w (n); CREATE TABLE u (n)"];

    fn has_steps((): &()) -> bool {
        false
    }

    fn apply(_: &Transaction<'_>, (): &()) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn schemas_grow_and_newer_ones_are_refused() {
    let folder = folder();
    let path = folder.path().join("a.db");
    insert(&open(&folder).0, "one").await.unwrap();

    let later = sqlite::open::<Later>(&path).unwrap();
    assert_eq!(texts(&later.1).await, ["one"]);
    drop(later);

    let error = sqlite::open::<Table>(&path).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("schema version 2, but this program knows only 1"),
        "{error}"
    );

    let error = sqlite::open::<Broken>(&path).unwrap_err();
    assert!(error.to_string().contains("left at version 2"), "{error}");
    let (_writes, reads) = sqlite::open::<Later>(&path).unwrap();
    let tables = reads.read(|db| {
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'w'", [], |row| {
            row.get(0)
        })
    });
    let tables: i64 = tables.await.unwrap();
    assert_eq!(tables, 0, "a failed migration leaves nothing");
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = folder();
    let error = sqlite::open::<Table>(folder.path().join("no/such/a.db")).unwrap_err();
    assert!(error.to_string().contains("check that its folder exists"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let (writes, _reads) = open(&folder);
    insert(&writes, "one").await.unwrap();
    for name in ["a.db", "a.db-wal", "a.db.lock"] {
        let mode = folder.path().join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is {mode:o}");
    }
}
