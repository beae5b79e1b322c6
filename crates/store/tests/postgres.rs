//! The store on PostgreSQL, where it differs from a file: connections end, and others use the same database.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use harness::{
    postgres::{Database, database},
    until,
};
use store::{
    Groups, StoreError,
    postgres::{self, Commands, Connection, Error, Lease, Reads, Settings},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A name to be kept. Repeats do no harm. One that begins with `work` is for the process that works; `work stops` is never done.
struct Keep(String);

struct Names;

impl Commands for Names {
    type Command = Keep;
    type Outcome = bool;
    type Doubt = String;
    const SCHEMA: &'static str = "names";
    const MIGRATIONS: &'static [&'static str] =
        &["CREATE TABLE names.names (name text PRIMARY KEY, doubtful boolean NOT NULL DEFAULT false)"];

    fn together(commands: &[&Keep]) -> usize {
        commands.len()
    }

    fn is_work(Keep(name): &Keep) -> bool {
        name.starts_with("work")
    }

    async fn apply(db: &Connection, _term: i64, commands: &[&Keep]) -> Result<Vec<bool>, Error> {
        let names: Vec<_> = commands.iter().map(|Keep(name)| name).collect();
        if names.iter().any(|name| *name == "work stops") {
            std::future::pending::<()>().await;
        }
        let sql = "INSERT INTO names.names SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
        db.execute(sql, &[&names]).await?;
        Ok(vec![true; commands.len()])
    }

    fn doubt(Keep(name): &Keep) -> Option<String> {
        Some(name.clone())
    }

    async fn resolve(db: &Connection, doubts: &[String]) -> Result<(), Error> {
        let sql = "UPDATE names.names SET doubtful = true WHERE name = ANY ($1)";
        db.execute(sql, &[&doubts]).await.map(drop)
    }
}

fn settings(url: &str) -> Settings {
    Settings {
        url: url.parse().unwrap(),
        password: None,
        ca: None,
        allow_lossy_commits: false,
    }
}

async fn open(url: &str) -> Result<(Groups<Keep, bool>, Reads, Lease), StoreError> {
    postgres::open::<Names>(&settings(url)).await
}

async fn keep(writes: &Groups<Keep, bool>, name: &str) -> Result<bool, StoreError> {
    writes.write(Keep(name.into())).await
}

/// Names that are there; `?` behind those that were in doubt.
fn names(database: &Database) -> Vec<String> {
    let sql = "SELECT name || CASE WHEN doubtful THEN '?' ELSE '' END FROM names.names ORDER BY name";
    database.sql(sql).lines().map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let database = database();
    for name in ["one", "two"] {
        let (writes, _, _lease) = open(&database.url()).await.unwrap();
        assert!(keep(&writes, name).await.unwrap());
    }
    assert_eq!(names(&database), ["one", "two"]);
}

#[tokio::test]
async fn all_write_and_one_works() {
    let database = database();
    let (one, _, first) = open(&database.url()).await.unwrap();
    first.taken().await;
    let (two, _, second) = open(&database.url()).await.unwrap();
    assert!(first.is_held() && !second.is_held());
    assert!(keep(&one, "work of one").await.unwrap());
    // What is heard was said at some time before.
    first.woken().await;
    assert!(keep(&two, "by two").await.unwrap());
    first.woken().await;
    let refused = keep(&two, "work of two").await;
    assert!(matches!(refused, Err(StoreError::TakenOver { .. })), "{refused:?}");

    first.release().await;
    assert!(!first.is_held());
    second.taken().await;
    assert!(second.is_held());
    let late = keep(&one, "work of one again").await;
    assert!(matches!(late, Err(StoreError::TakenOver { .. })), "{late:?}");
    assert!(keep(&two, "work of two now").await.unwrap());
    assert_eq!(names(&database), ["by two", "work of one", "work of two now"]);
}

#[tokio::test]
async fn who_is_cut_off_is_taken_over_and_changes_nothing_when_it_is_back() {
    let database = database();
    let network = Network::between(&database).await;
    let (one, _, first) = open(&network.url).await.unwrap();
    first.taken().await;
    network.set(Network::CUT);
    let (two, _, second) = open(&database.url()).await.unwrap();
    second.taken().await;
    assert!(!first.is_held(), "it knows by its own clock");
    assert!(keep(&two, "work of two").await.unwrap());
    network.set(Network::WORKS);
    first.lost().await;
    let late = keep(&one, "work of one").await;
    assert!(matches!(late, Err(StoreError::TakenOver { .. })), "{late:?}");
    assert_eq!(names(&database), ["work of two"]);
}

#[tokio::test]
async fn who_stops_within_a_transaction_is_taken_over_too() {
    let database = database();
    let network = Network::between(&database).await;
    let (one, _, first) = open(&network.url).await.unwrap();
    first.taken().await;
    let stops = keep(&one, "work stops");
    let other = async {
        // The transaction has the lease's row.
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
        until(async || match database.sql(sql).trim() {
            "0" => Err("no transaction yet"),
            _ => Ok(()),
        })
        .await;
        network.set(Network::CUT);
        let (_two, _, second) = open(&database.url()).await.unwrap();
        second.taken().await;
    };
    tokio::select! {
        stopped = stops => panic!("it had to end first: {stopped:?}"),
        () = other => {}
    }
}

#[tokio::test]
async fn who_is_cut_off_for_a_while_goes_on_when_nobody_took_over() {
    let database = database();
    let network = Network::between(&database).await;
    let (writes, _, lease) = open(&network.url).await.unwrap();
    lease.taken().await;
    network.set(Network::CUT);
    until(async || if lease.is_held() { Err("held") } else { Ok(()) }).await;
    network.set(Network::WORKS);
    lease.held().await;
    assert!(keep(&writes, "work goes on").await.unwrap());
}

#[tokio::test]
async fn a_newer_version_s_database_is_left_alone() {
    let database = database();
    drop(open(&database.url()).await.unwrap());
    database.sql("UPDATE names.schema_version SET version = 7");
    let error = open(&database.url()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 7, known: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_database_that_forgets_is_refused_unless_that_is_accepted() {
    let database = database();
    database
        .sql("DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off'; END $$");
    let error = open(&database.url()).await.unwrap_err();
    assert!(matches!(error, StoreError::Lossy { .. }), "{error}");
    let accepted = Settings {
        allow_lossy_commits: true,
        ..settings(&database.url())
    };
    assert!(postgres::open::<Names>(&accepted).await.is_ok());
}

#[tokio::test]
async fn what_is_wrong_with_a_connection_is_told() {
    let url = database().url();
    let missing = url.rsplit_once('/').unwrap().0.to_owned() + "/nowhere?sslmode=disable";
    for (url, part) in [
        (missing.as_str(), "createdb"),
        (&url.replace("sslmode=disable", "sslmode=require"), "certificate"),
        ("postgres://me@127.0.0.1:1/x", "check that the server runs"),
    ] {
        let error = open(url).await.unwrap_err().to_string();
        assert!(
            error.contains(part) && error.contains("postgres://127.0.0.1:"),
            "{error}"
        );
    }
    let ca = Some("no certificate".into());
    let error = postgres::open::<Names>(&Settings { ca, ..settings(&url) }).await;
    assert!(error.unwrap_err().to_string().contains("`store.ca`"));
}

#[tokio::test]
async fn the_server_s_certificate_is_checked() {
    let database = database();
    let url = database.url().replace("sslmode=disable", "sslmode=require");
    let ca = Some(database.certificate());
    let trusting = |url: &str| Settings {
        ca: ca.clone(),
        ..settings(url)
    };
    let (writes, _, _lease) = postgres::open::<Names>(&trusting(&url)).await.unwrap();
    assert!(keep(&writes, "one").await.unwrap());
    let by_another_name = trusting(&url.replace("127.0.0.1", "localhost"));
    let error = postgres::open::<Names>(&by_another_name).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_connection_that_was_ended_is_made_anew() {
    let database = database();
    let (writes, reads, _lease) = open(&database.url()).await.unwrap();
    let count = async || {
        let db = reads.lend().await?;
        let rows = db.run(db.query("SELECT name FROM names.names", &[])).await;
        rows.map(|rows| rows.len())
    };
    assert_eq!(count().await.unwrap(), 0);
    database.drop_connections();
    assert!(keep(&writes, "one").await.unwrap());
    // The end of a connection may be seen by the read that it ends.
    let counted = match count().await {
        Err(StoreError::Connect { .. }) => count().await,
        counted => counted,
    };
    assert_eq!(counted.unwrap(), 1);
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_made_again_and_known_as_doubtful() {
    let database = database();
    let network = Network::between(&database).await;
    let (writes, _, _lease) = open(&network.url).await.unwrap();
    // So often that the next one prepares nothing: it is the reply to the commit that is lost.
    for _ in 0..3 {
        keep(&writes, "one").await.unwrap();
    }
    network.set(Network::LOSES_ONE_REPLY);
    assert!(keep(&writes, "two").await.unwrap());
    assert_eq!(names(&database), ["one", "two?"]);
}

#[tokio::test]
async fn what_may_be_committed_is_seen_to_when_the_database_is_back() {
    let database = database();
    let network = Network::between(&database).await;
    let (writes, _, _lease) = open(&network.url).await.unwrap();
    // So often that the next one prepares nothing: it is the reply to the commit that is lost.
    for _ in 0..3 {
        keep(&writes, "one").await.unwrap();
    }
    network.set(Network::LOSES_ONE_REPLY_AND_GOES);
    let told = keep(&writes, "two").await;
    assert!(matches!(told, Err(StoreError::Connect { .. })), "{told:?}");
    assert!(keep(&writes, "three").await.is_err(), "it is still away");
    network.set(Network::WORKS);
    assert!(keep(&writes, "four").await.unwrap());
    assert_eq!(names(&database), ["four", "one", "two?"]);
}

/// What is between a store and its database.
struct Network {
    url: String,
    mode: Arc<AtomicU8>,
}

impl Network {
    const WORKS: u8 = 0;
    /// The next reply of the database is swallowed, and its connection ends.
    const LOSES_ONE_REPLY: u8 = 1;
    /// The same, and no connection comes through any more.
    const LOSES_ONE_REPLY_AND_GOES: u8 = 2;
    const AWAY: u8 = 3;
    /// Nothing comes through, and no connection.
    const CUT: u8 = 4;

    async fn between(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let there = format!("127.0.0.1:{}", database.port());
        let url = database.url().replace(&there, &format!("127.0.0.1:{port}"));
        let mode = Arc::new(AtomicU8::new(Self::WORKS));
        tokio::spawn({
            let mode = mode.clone();
            async move {
                while let Ok((near, _)) = listener.accept().await {
                    if ![Self::AWAY, Self::CUT].contains(&mode.load(Ordering::SeqCst)) {
                        let far = TcpStream::connect(&there).await.unwrap();
                        tokio::spawn(relay(near, far, mode.clone()));
                    }
                }
            }
        });
        Self { url, mode }
    }

    fn set(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }
}

async fn relay(near: TcpStream, far: TcpStream, mode: Arc<AtomicU8>) {
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let there = tokio::spawn(async move { tokio::io::copy(&mut near_in, &mut far_out).await });
    let mut buffer = vec![0; 65536];
    while let Ok(length @ 1..) = far_in.read(&mut buffer).await {
        let after = match mode.load(Ordering::SeqCst) {
            Network::LOSES_ONE_REPLY => Network::WORKS,
            Network::LOSES_ONE_REPLY_AND_GOES => Network::AWAY,
            Network::CUT => break,
            _ => {
                near_out.write_all(&buffer[..length]).await.unwrap();
                continue;
            }
        };
        mode.store(after, Ordering::SeqCst);
        break;
    }
    there.abort();
}
