//! Tokens: rotation, expiry, refusals, and what they open.

use crate::harness::Stage;
use serde_json::{Value, json};

/// A form, the status and the error code it is answered with.
type Refusal<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);

fn refresh(token: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", "demo"),
        ("client_secret", "secret"),
        ("refresh_token", token),
    ]
}

async fn pair(stage: &Stage, user: u64) -> (String, String) {
    let pair = stage
        .control("POST", "tokens", json!({"client_id": "demo", "user": user}))
        .await;
    let text = |key: &str| pair[key].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

#[tokio::test]
async fn a_refresh_makes_the_old_refresh_token_worthless() {
    let mut stage = Stage::start().await;
    stage.install().await;
    let (access, first) = pair(&stage, 1).await;
    assert_eq!(access.len(), 70);

    let (status, new) = stage.oauth(&refresh(&first)).await;
    assert_eq!(
        (status, &new["expires_in"], &new["user_id"]),
        (200, &json!(3600), &json!(1)),
        "{new}"
    );
    assert_eq!(new["client_endpoint"], json!(stage.running.portals[0].client_endpoint));
    assert_ne!(
        new["domain"],
        json!(stage.running.portals[0].domain),
        "here it is the authorisation server"
    );
    let (status, again) = stage.oauth(&refresh(&first)).await;
    assert_eq!((status, &again["error"]), (400, &json!("invalid_grant")));
    let (status, _) = stage.oauth(&refresh(new["refresh_token"].as_str().unwrap())).await;
    assert_eq!(status, 200);
    let (_, seen) = stage.control_raw("GET", "oauth", Value::Null).await;
    assert_eq!((&seen["refreshes"], &seen["refreshes_of_used"]), (&json!(2), &json!(1)));
    stage.running.stop().await;
}

#[tokio::test]
async fn refusals_are_those_of_the_server() {
    let mut stage = Stage::start().await;
    stage.install().await;
    let cases: [Refusal<'_>; 4] = [
        (
            &[("grant_type", "refresh_token"), ("client_id", "nobody")],
            200,
            "wrong_client",
        ),
        (
            &[
                ("grant_type", "refresh_token"),
                ("client_id", "demo"),
                ("client_secret", "no"),
            ],
            400,
            "invalid_client",
        ),
        (
            &[
                ("grant_type", "refresh_token"),
                ("client_id", "demo"),
                ("client_secret", "secret"),
            ],
            400,
            "invalid_request",
        ),
        (
            &[("grant_type", "x"), ("client_id", "demo"), ("client_secret", "secret")],
            400,
            "invalid_request",
        ),
    ];
    for (form, status, error) in cases {
        let answer = stage.oauth(form).await;
        assert_eq!((answer.0, &answer.1["error"]), (status, &json!(error)));
    }
    for (token, error) in [("", "NO_AUTH_FOUND"), ("unknown", "invalid_token")] {
        let (status, answer) = stage.rest("app.info", token, json!({})).await;
        assert_eq!((status, &answer["error"]), (401, &json!(error)));
    }
    stage.running.stop().await;
}

#[tokio::test]
async fn an_access_token_lives_for_an_hour_of_the_emulators_clock() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    assert_eq!(stage.rest("app.info", &token, json!({})).await.0, 200);
    stage
        .control_raw("POST", "clock/advance", json!({"seconds": 3601}))
        .await;
    let (status, answer) = stage.rest("app.info", &token, json!({})).await;
    assert_eq!((status, &answer["error"]), (401, &json!("expired_token")));
    let info = stage
        .http
        .post(format!("{}/rest/app.info", stage.running.oauth_url))
        .form(&[("auth", &token)])
        .send()
        .await
        .unwrap();
    assert_eq!(info.status(), 401);
    stage.running.stop().await;
}

#[tokio::test]
async fn the_authorisation_server_tells_whose_token_it_is() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    let url = format!("{}/rest/app.info?auth={token}", stage.running.oauth_url);
    let info: Value = stage.http.get(url).send().await.unwrap().json().await.unwrap();
    let info = &info["result"];
    assert_eq!(
        (&info["client_id"], &info["user_id"], &info["install"]["installed"]),
        (&json!("demo"), &json!(1), &json!(true))
    );
    assert_eq!(info["install"]["member_id"], json!(stage.running.portals[0].member_id));
    assert_eq!(
        info["install"]["client_endpoint"],
        json!(stage.running.portals[0].client_endpoint)
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn a_browser_gets_a_code_that_works_once_and_for_half_a_minute() {
    let mut stage = Stage::start().await;
    stage.install().await;
    stage
        .control(
            "PATCH",
            "apps/demo",
            json!({"redirect_uri": "https://app.example/back"}),
        )
        .await;
    let authorize = format!(
        "http://{}/oauth/authorize/?client_id=demo&state=s1",
        stage.running.portals[0].address
    );
    let code = async || {
        let answer = stage.http.get(&authorize).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        let location = reqwest::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let query: std::collections::HashMap<_, _> = location.query_pairs().into_owned().collect();
        assert_eq!(
            (query["state"].as_str(), query["member_id"].as_str()),
            ("s1", stage.running.portals[0].member_id.as_str())
        );
        query["code"].clone()
    };
    let exchange = async |code: &str| {
        stage
            .oauth(&[
                ("grant_type", "authorization_code"),
                ("client_id", "demo"),
                ("client_secret", "secret"),
                ("code", code),
            ])
            .await
    };
    let first = code().await;
    assert_eq!(exchange(&first).await.0, 200);
    assert_eq!(exchange(&first).await.1["error"], "bad_verification_code");
    let late = code().await;
    stage.control_raw("POST", "clock/advance", json!({"seconds": 31})).await;
    assert_eq!(exchange(&late).await.1["error"], "bad_verification_code");
    stage.running.stop().await;
}

#[tokio::test]
async fn fired_users_and_removed_apps_have_no_access() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.control("PUT", "users/7", json!({"name": "Worker"})).await;
    let (worker, _) = pair(&stage, 7).await;
    assert_eq!(
        stage.rest("profile", &worker, json!({})).await.1["result"]["ADMIN"],
        false
    );
    assert_eq!(
        stage.rest("profile", &token, json!({})).await.1["result"]["ADMIN"],
        true
    );
    let (status, answer) = stage.rest("bizproc.activity.list", &worker, json!({})).await;
    assert_eq!((status, &answer["error_description"]), (403, &json!("Access denied!")));

    stage.control("PUT", "users/7", json!({"active": false})).await;
    assert_eq!(
        stage.rest("profile", &worker, json!({})).await.1["error"],
        "authorization_error"
    );
    stage.control("POST", "apps/demo/revoke", json!({"user": 7})).await;
    assert_eq!(
        stage.rest("profile", &worker, json!({})).await.1["error"],
        "invalid_token"
    );
    stage.control("DELETE", "apps/demo", Value::Null).await;
    assert_eq!(
        stage.rest("profile", &token, json!({})).await.1["error"],
        "APPLICATION_NOT_FOUND"
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn a_webhook_has_no_application_context() {
    let stage = Stage::start().await;
    let url = stage.control("POST", "webhooks", Value::Null).await["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let call = async |method: &str| {
        let answer = stage
            .http
            .post(format!("{url}{method}"))
            .json(&json!({}))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(call("profile.json").await.1["result"]["ID"], "1");
    let (status, answer) = call("bizproc.activity.list").await;
    assert_eq!(
        (status, &answer["error_description"]),
        (403, &json!("Access denied! Application context required"))
    );
    stage.running.stop().await;
}
