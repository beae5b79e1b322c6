//! Installations and waiting steps put in place: the lesson's callback and today's.

use crate::harness::Stage;
use serde_json::{Value, json};

fn fixture(name: &str) -> Value {
    let cases = include_str!("../../../../tests/fixtures/php-forms.jsonl");
    let found = cases
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|case| case["name"] == name);
    found.unwrap()["decoded"].clone()
}

#[tokio::test]
async fn captured_callbacks_are_answered_on_a_seeded_portal() {
    for name in ["seed_example", "modern_callback"] {
        let callback = fixture(name);
        let auth = &callback["auth"];
        let new = portal::NewPortal {
            member_id: auth["member_id"].as_str().unwrap().into(),
            domain: auth["domain"].as_str().unwrap().into(),
            ..Default::default()
        };
        let stage = Stage::with(new).await;
        let installation = json!({
            "client_id": "demo", "client_secret": "secret", "access_token": auth["access_token"], "refresh_token": auth["refresh_token"],
            "user_id": 1, "application_token": auth["application_token"].as_str().unwrap_or("0123456789abcdef0123456789abcdef"),
        });
        stage.control("POST", "installations", installation).await;
        let seeded = stage
            .control(
                "POST",
                "waiting",
                json!({"event_token": callback["event_token"], "code": "md5"}),
            )
            .await;
        assert_eq!(seeded["id"], callback["workflow_id"]);

        // The authorisation server proves the captured token, and names the address that is really listened on.
        let token = auth["access_token"].as_str().unwrap();
        let url = format!("{}/rest/app.info?auth={token}", stage.running.oauth_url);
        let info: Value = stage.http.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(info["result"]["install"]["member_id"], auth["member_id"]);
        assert_eq!(info["result"]["install"]["domain"], auth["domain"]);
        assert_eq!(
            info["result"]["install"]["client_endpoint"],
            json!(stage.running.portals[0].client_endpoint)
        );

        stage.register(token, "md5").await;
        let mut forged = callback["event_token"].as_str().unwrap().to_owned();
        forged.replace_range(forged.len() - 1.., if forged.ends_with('0') { "1" } else { "0" });
        assert_eq!(
            stage
                .rest("bizproc.event.send", token, json!({"EVENT_TOKEN": forged}))
                .await
                .0,
            403
        );
        let answer = json!({"event_token": callback["event_token"], "return_values": {"outputString": "4bad"}});
        assert_eq!(stage.rest("bizproc.event.send", token, answer).await.1["result"], true);
        let over = stage.finished(callback["workflow_id"].as_str().unwrap()).await;
        let values = over["values"].as_object().unwrap().values().next().unwrap();
        assert_eq!(values["outputString"], "4bad");
        let calls = stage
            .control("GET", "calls?method=bizproc.event.send", Value::Null)
            .await;
        assert_eq!(calls.as_array().unwrap().len(), 2);
        stage.running.stop().await;
    }
}
