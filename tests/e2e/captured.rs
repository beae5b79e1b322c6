//! Captured callbacks posted as they came, beside an emulator in which their installation and waiting step were seeded. Nobody
//! opens the app: the callback's own token is all that proves it.

use serde_json::{Value, json};
use tests::{CLIENT_ID, CLIENT_SECRET, Emulator, Shape, Stack, form};

/// An emulator whose portal is the one that the callback came from, with the callback's tokens valid.
async fn seeded(callback: &Value) -> anyhow::Result<Stack> {
    let auth = &callback["auth"];
    let text = |key: &str| auth[key].as_str().unwrap_or_default().to_owned();
    let portal = portal::NewPortal {
        member_id: text("member_id"),
        domain: text("domain"),
        ..portal::NewPortal::default()
    };
    let stack = Stack::start_with(Shape::Serve, Emulator::start_as(portal).await?, "", &[]).await?;
    let mut installation = stack.app();
    installation["user_id"] = json!(1);
    installation["access_token"] = auth["access_token"].clone();
    if let Some(token) = auth["refresh_token"].as_str() {
        installation["refresh_token"] = token.into();
    }
    if let Some(token) = auth["application_token"].as_str() {
        installation["application_token"] = token.into();
    }
    assert_eq!(
        (&installation["client_id"], &installation["client_secret"]),
        (&json!(CLIENT_ID), &json!(CLIENT_SECRET))
    );
    stack.emulator.post("installations", installation).await?;
    Ok(stack)
}

async fn posted_and_answered(name: &str, value: &str) -> anyhow::Result<()> {
    let (body, callback) = form(name)?;
    let stack = seeded(&callback).await?;
    let emulator = &stack.emulator;
    let token = &callback["event_token"];
    let waiting = emulator
        .post(
            "waiting",
            json!({"event_token": token, "code": "md5", "client_id": CLIENT_ID}),
        )
        .await?;

    let handler = stack.url(&format!("activity/{}", stack.revision("md5").await?));
    for _ in 0..2 {
        let response = stack
            .http
            .post(&handler)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone())
            .send()
            .await?;
        assert_eq!(response.status(), 200, "a repeat is acknowledged, too");
    }
    let workflow = emulator.finished(waiting["id"].as_str().unwrap_or_default()).await?;
    assert!(workflow["values"].to_string().contains(value), "{workflow}");
    stack.registered().await?;
    // One more workflow comes after it: had the repeat been run, its answer would be there by then.
    let last = emulator
        .workflow(json!([{"code": "md5", "properties": {"inputString": "x"}}]))
        .await?;
    emulator.finished(&last).await?;
    let sent = emulator.get("calls?method=bizproc.event.send").await?;
    let sent = sent
        .as_array()
        .into_iter()
        .flatten()
        .filter(|call| call["params"].to_string().contains(value));
    assert_eq!(sent.count(), 1);
    Ok(())
}

#[tokio::test]
async fn the_lessons_callback_is_answered_after_a_proof() -> anyhow::Result<()> {
    posted_and_answered("seed_example", "4bad12db761a7db93a63af80fe200b3b").await
}

#[tokio::test]
async fn todays_callback_is_answered() -> anyhow::Result<()> {
    posted_and_answered("modern_callback", "464899b4b50fc966ad2753ca039e7378").await
}
