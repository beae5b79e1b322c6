//! What a portal, its front end and the relay do wrong when told to.

use crate::harness::Stage;
use axum::http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn rules_answer_wrongly_as_often_as_told() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    let rule = json!({"method": "bizproc.activity.list", "times": 2, "status": 503, "body": {"error": "OVERLOAD_LIMIT", "error_description": "x"}});
    stage.control("POST", "faults", rule).await;
    for _ in 0..2 {
        let (status, answer) = stage.rest("bizproc.activity.list", &token, json!({})).await;
        assert_eq!((status, &answer["error"]), (503, &json!("OVERLOAD_LIMIT")));
    }
    assert_eq!(stage.rest("bizproc.activity.list", &token, json!({})).await.0, 200);

    // The work is done, but the answer is HTML, or none at all.
    stage
        .control(
            "POST",
            "faults",
            json!({"method": "bizproc.activity.add", "times": 1, "work": true, "status": 502, "body": "<html>"}),
        )
        .await;
    let (status, answer) = stage
        .rest("bizproc.activity.add", &token, stage.definition("md5"))
        .await;
    assert_eq!((status, &answer), (502, &json!("<html>")));
    assert_eq!(
        stage.rest("bizproc.activity.list", &token, json!({})).await.1["result"],
        json!(["md5"])
    );
    stage
        .control("POST", "faults", json!({"method": "profile", "cut": true}))
        .await;
    let url = format!("{}profile", stage.running.portals[0].client_endpoint);
    let cut = stage.http.post(&url).json(&json!({"auth": token})).send().await;
    assert!(cut.is_err() || cut.unwrap().bytes().await.is_err());
    stage.control("DELETE", "faults", Value::Null).await;
    assert_eq!(stage.rest("profile", &token, json!({})).await.0, 200);

    let calls = stage
        .control("GET", "calls?method=bizproc.activity.list", Value::Null)
        .await;
    let seen: Vec<&Value> = calls.as_array().unwrap().iter().map(|call| &call["status"]).collect();
    assert_eq!(seen, [503, 503, 200, 200]);
    assert!(!calls.to_string().contains(&token), "authorisation is not kept");
    stage.running.stop().await;
}

#[tokio::test]
async fn the_authorisation_server_answers_wrongly_too() {
    let mut stage = Stage::start().await;
    stage.install().await;
    stage
        .control_raw(
            "POST",
            "oauth/faults",
            json!({"method": "/oauth/token/", "times": 1, "status": 500, "body": {"error": "internal"}}),
        )
        .await;
    assert_eq!(stage.oauth(&[("client_id", "demo")]).await.0, 500);
    assert_eq!(stage.oauth(&[("client_id", "demo")]).await.0, 400);
    stage.running.stop().await;
}

#[tokio::test]
async fn the_limiter_lets_fifty_through_and_two_a_second() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.control("PATCH", "settings", json!({"limiter": true})).await;
    let mut refused = 0;
    for _ in 0..80 {
        let (status, answer) = stage.rest("app.info", &token, json!({})).await;
        if status == 503 {
            assert_eq!(answer["error"], "QUERY_LIMIT_EXCEEDED");
            refused += 1;
        }
    }
    assert!(refused > 0, "80 calls do not take 15 s");
    stage.control_raw("POST", "clock/advance", json!({"seconds": 25})).await;
    assert_eq!(stage.rest("app.info", &token, json!({})).await.0, 200);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_method_that_worked_too_long_is_blocked_until_its_window_ends() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    let (_, reply) = stage.rest("profile", &token, json!({})).await;
    assert_eq!(reply["time"]["operating"], Value::Null, "no account is kept: {reply}");
    let operating = json!({"operating": {"limit_ms": 1000, "call_ms": 600, "window_s": 60}});
    stage.control("PATCH", "settings", operating).await;
    let (_, reply) = stage.rest("profile", &token, json!({})).await;
    let now = stage.control_raw("GET", "clock", Value::Null).await.1["now"]
        .as_i64()
        .unwrap();
    assert_eq!(reply["time"]["operating"], 0.6, "{reply}");
    let reset = reply["time"]["operating_reset_at"].as_i64().unwrap() - now;
    assert!((55..=60).contains(&reset), "{reply}");

    // Commands of a batch count like calls; what is blocked is an error of its own.
    let batch = json!({"cmd": {"a": "profile", "b": "profile", "c": "app.info"}});
    let (_, reply) = stage.rest("batch", &token, batch).await;
    let result = &reply["result"];
    assert_eq!(result["result_time"]["a"]["operating"], 1.2, "{reply}");
    assert_eq!(result["result_error"]["b"]["error"], "OPERATION_TIME_LIMIT", "{reply}");
    assert_eq!(result["result_time"]["c"]["operating"], 0.6, "{reply}");
    assert_eq!(reply["time"]["operating"], Value::Null, "{reply}");
    let (status, reply) = stage.rest("profile", &token, json!({})).await;
    assert_eq!((status, &reply["error"]), (429, &json!("OPERATION_TIME_LIMIT")));
    assert_eq!(stage.counters().await["replies"]["too_many"], 1);

    stage.control_raw("POST", "clock/advance", json!({"seconds": 61})).await;
    assert_eq!(stage.rest("profile", &token, json!({})).await.0, 200);
    stage.running.stop().await;
}

#[tokio::test]
async fn rules_apply_by_chance() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage
        .control("POST", "faults", json!({"percent": 30, "status": 503}))
        .await;
    for _ in 0..100 {
        stage.rest("app.info", &token, json!({})).await;
    }
    let refused = stage.counters().await["replies"]["overloaded"].as_u64().unwrap();
    assert!((15..45).contains(&refused), "{refused} of 100");
    stage.running.stop().await;
}

#[tokio::test]
async fn a_closed_portal_says_the_same_to_every_call() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    for status in [200, 403, 500] {
        let reply = json!({"error": "ERROR_OAUTH", "error_description": "Превышена дисковая квота"});
        let closed = json!({"status": status, "body": reply});
        stage.control("POST", "faults", closed).await;
        for method in ["app.info", "batch", "bizproc.event.send", "bizproc.workflow.instances"] {
            assert_eq!(
                stage.rest(method, &token, json!({})).await,
                (status, reply.clone()),
                "{method}"
            );
        }
        stage.control("DELETE", "faults", Value::Null).await;
        assert_eq!(stage.rest("app.info", &token, json!({})).await.0, 200);
    }
    stage.running.stop().await;
}

#[tokio::test]
async fn a_portal_goes_down_and_comes_back() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    assert_eq!(stage.rest("app.info", &token, json!({})).await.0, 200);
    stage.control("POST", "down", Value::Null).await;
    let url = format!("{}app.info", stage.running.portals[0].client_endpoint);
    assert!(
        stage
            .http
            .post(&url)
            .json(&json!({"auth": token}))
            .send()
            .await
            .is_err(),
        "nobody listens"
    );
    stage.control("POST", "up", Value::Null).await;
    assert_eq!(stage.rest("app.info", &token, json!({})).await.0, 200);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_renamed_portal_sends_callers_to_its_new_address() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    let new = stage.control("POST", "rename", Value::Null).await;
    let url = format!("{}app.info?x=1", stage.running.portals[0].client_endpoint);
    let moved = stage
        .http
        .post(&url)
        .json(&json!({"auth": token}))
        .send()
        .await
        .unwrap();
    assert_eq!(moved.status(), 302);
    let location = moved.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(
        location,
        format!("{}app.info?x=1", new["client_endpoint"].as_str().unwrap())
    );
    let info: Value = stage
        .http
        .post(location)
        .json(&json!({"auth": token}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(info["result"]["STATUS"], "L");
    let url = format!("{}/rest/app.info?auth={token}", stage.running.oauth_url);
    let info: Value = stage.http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(info["result"]["install"]["client_endpoint"], new["client_endpoint"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_plan_without_business_processes_has_no_such_methods() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.control("PATCH", "settings", json!({"bizproc": false})).await;
    let (status, answer) = stage.rest("bizproc.activity.list", &token, json!({})).await;
    assert_eq!((status, &answer["error"]), (404, &json!("ERROR_METHOD_NOT_FOUND")));
    stage.running.stop().await;
}

#[tokio::test]
async fn the_relay_tries_once_and_counts() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    stage.handler.answer(StatusCode::SERVICE_UNAVAILABLE);
    stage.start_workflow(json!([{"code": "md5"}])).await;
    stage.handler.next().await;
    stage
        .control("GET", "wait?counter=callbacks_refused", Value::Null)
        .await;
    stage.handler.answer(StatusCode::FOUND);
    stage.start_workflow(json!([{"code": "md5"}])).await;
    stage.handler.next().await;
    stage
        .control("GET", "wait?counter=callbacks_refused&at_least=2", Value::Null)
        .await;
    assert!(stage.handler.nothing_came(), "no second try, no redirect followed");
    stage.running.stop().await;
}

#[tokio::test]
async fn the_relay_drops_duplicates_and_holds_back() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    stage.control("PUT", "relay", json!({"drop": 1, "drop_of": 1})).await;
    stage.start_workflow(json!([{"code": "md5"}])).await;
    stage
        .control("GET", "wait?counter=callbacks_dropped", Value::Null)
        .await;

    stage
        .control("PUT", "relay", json!({"duplicate": 1, "duplicate_of": 1}))
        .await;
    stage.start_workflow(json!([{"code": "md5"}])).await;
    let (one, two) = (stage.handler.next().await, stage.handler.next().await);
    assert_eq!(one.raw, two.raw);
    let counters = stage
        .control("GET", "wait?counter=callbacks_acknowledged&at_least=2", Value::Null)
        .await;
    assert_eq!(counters["steps_acknowledged"], 1);

    stage.control("PUT", "relay", json!({"paused": true})).await;
    stage.start_workflow(json!([{"code": "md5"}])).await;
    assert!(stage.handler.nothing_came());
    stage.control("PUT", "relay", json!({})).await;
    stage.handler.next().await;
    stage.running.stop().await;
}

#[tokio::test]
async fn a_handler_with_a_public_name_is_reached_through_the_tunnel() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    let mut definition = stage.definition("md5");
    definition["HANDLER"] = json!("https://gateway.example/bitrix/demo/activity/0123?x=1");
    stage.rest("bizproc.activity.add", &token, definition).await;
    let target = stage.handler.url.strip_prefix("http://").unwrap().to_owned();
    stage.control("PUT", "relay", json!({"connect_to": target})).await;
    stage.start_workflow(json!([{"code": "md5"}])).await;
    assert_eq!(stage.handler.next().await.path, "/bitrix/demo/activity/0123?x=1");
    stage.running.stop().await;
}

#[tokio::test]
async fn a_missing_portal_and_a_bad_body_are_explained() {
    let stage = Stage::start().await;
    let (status, answer) = stage.control_raw("GET", "portals/nowhere/counters", Value::Null).await;
    assert_eq!(
        (
            status,
            answer["error"].as_str().unwrap().contains("no portal of this name")
        ),
        (404, true)
    );
    let (status, answer) = stage
        .control_raw("POST", "portals/main/workflows", json!({"stepz": []}))
        .await;
    assert_eq!(
        (status, answer["error"].as_str().unwrap().contains("stepz")),
        (400, true)
    );
    let twice = json!({"steps": [{"name": "A", "code": "x"}, {"parallel": [[{"name": "A", "code": "x"}]]}]});
    assert_eq!(stage.control_raw("POST", "portals/main/workflows", twice).await.0, 400);
    let (status, _) = stage.control_raw("POST", "portals", json!({"name": "main"})).await;
    assert_eq!(status, 409);
    let (status, _) = stage
        .control_raw(
            "GET",
            "portals/main/wait?counter=callbacks_acknowledged&timeout_ms=1",
            Value::Null,
        )
        .await;
    assert_eq!(status, 408);
    stage.running.stop().await;
}
