//! A store that can't be written to: posts are refused, and the log tells it once.

use harness::until;
use reqwest::StatusCode;
use tests::{Emulator, Shape, Stack, form};

const POSTS: usize = 50;

#[tokio::test]
async fn refused_posts_are_told_once() -> anyhow::Result<()> {
    let stack = Stack::start_with(Shape::Separate, Emulator::start().await?, "", &[("LOG", "info")]).await?;
    stack.store.breaks()?;
    let (body, _) = form("modern_callback")?;
    let post = async || {
        let request = stack.http.post(stack.url("activity/r1"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        anyhow::Ok(request.body(body.clone()).send().await?.status())
    };
    for _ in 0..POSTS {
        assert_eq!(post().await?, StatusCode::SERVICE_UNAVAILABLE);
    }
    stack.store.is_mended()?;
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
