//! A store that can't be written to: posts are refused, and the log tells it once.

use std::path::Path;

use harness::until;
use reqwest::StatusCode;
use tests::{Emulator, Shape, Stack, form};
use tokio::process::Command;

const POSTS: usize = 50;

/// Runs a statement on the gateway's store, from another program.
async fn execute(store: &Path, sql: &str) -> anyhow::Result<()> {
    const SCRIPT: &str = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=60).executescript(sys.argv[2])";
    let ended = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(store)
        .arg(sql)
        .status()
        .await?;
    anyhow::ensure!(ended.success(), "{sql}: {ended}");
    Ok(())
}

#[tokio::test]
async fn refused_posts_are_told_once() -> anyhow::Result<()> {
    let stack = Stack::start_with(Shape::Separate, Emulator::start().await?, "", &[("LOG", "info")]).await?;
    let store = stack.folder().join("gateway.db");
    execute(
        &store,
        "CREATE TRIGGER broken BEFORE INSERT ON jobs BEGIN SELECT RAISE(ROLLBACK, 'no room'); END",
    )
    .await?;
    let (body, _) = form("modern_callback")?;
    let post = async || {
        let request = stack.http.post(stack.url("activity/r1"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        anyhow::Ok(request.body(body.clone()).send().await?.status())
    };
    for _ in 0..POSTS {
        assert_eq!(post().await?, StatusCode::SERVICE_UNAVAILABLE);
    }
    execute(&store, "DROP TRIGGER broken").await?;
    let taken = async || match post().await {
        Ok(StatusCode::OK) => Ok(()),
        other => Err(other),
    };
    until(taken).await;
    let logged = async || {
        let logs = stack.logs()?;
        let lines = |text: &str| logs.lines().filter(|line| line.contains(text)).count();
        let counts = (lines("the store does not work"), lines("commits fail"));
        // Upkeep writes in between, which succeeds.
        let told = lines("the store works again") == counts.0 && lines("commits succeed again") == counts.1;
        if told { Ok(counts) } else { Err(anyhow::anyhow!(logs)) }
    };
    let (told, commits) = until(logged).await;
    assert!(told > 0 && told < POSTS / 5, "{told} lines");
    assert!(commits > 0 && commits < POSTS / 5, "{commits} lines");
    Ok(())
}
