//! A workflow calls an app and goes on with its answer, over real HTTP.

use crate::harness::Stage;
use serde_json::{Value, json};

#[tokio::test]
async fn a_step_calls_the_app_and_takes_its_answer() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let id = stage.start_workflow(json!([{"name": "A1", "code": "md5"}])).await;

    let call = stage.handler.next().await;
    assert_eq!(call.path, "/activity");
    assert_eq!(call.user_agent, "Bitrix24 Webhook Engine");
    let keys: Vec<&String> = call.body.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "workflow_id",
            "code",
            "document_id",
            "document_type",
            "event_token",
            "properties",
            "use_subscription",
            "timeout_duration",
            "ts",
            "auth",
        ]
    );
    assert_eq!(call.body["properties"], json!({"inputString": "Тест"}));
    assert_eq!(call.body["workflow_id"], json!(id));
    assert_eq!(call.body["timeout_duration"], "0");
    assert!(call.raw.contains("properties%5BinputString%5D=%D0%A2"), "{}", call.raw);

    // The callback's own token answers, too; keys of returned values match without case, unknown ones are dropped.
    let own = call.body["auth"]["access_token"].as_str().unwrap();
    let answer = json!({
        "EVENT_TOKEN": call.body["event_token"], "RETURN_VALUES": {"OUTPUTSTRING": "abc", "other": 1}, "LOG_MESSAGE": "done",
    });
    let (status, answer) = stage.rest("bizproc.event.send.json", own, answer).await;
    assert_eq!((status, &answer["result"]), (200, &json!(true)));
    assert!(answer["time"]["date_start"].is_string());

    let over = stage.finished(&id).await;
    assert_eq!(over["state"], "completed");
    assert_eq!(over["values"], json!({"A1": {"outputString": "abc", "IsTimeout": 0}}));
    let log: Vec<(&str, &str)> = over["log"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (l["kind"].as_str().unwrap(), l["text"].as_str().unwrap()))
        .collect();
    assert_eq!(log, [("execute", ""), ("custom", "done"), ("close", "")]);
    let counters = stage.counters().await;
    for (name, value) in [
        ("callbacks_acknowledged", 1),
        ("answers_accepted", 1),
        ("answers_applied", 1),
        ("steps_completed_twice", 0),
    ] {
        assert_eq!(counters[name], value, "{name}");
    }
    stage.running.stop().await;
}

#[tokio::test]
async fn an_answer_that_meets_a_held_lock_is_lost() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let id = stage.start_workflow(json!([{"name": "A1", "code": "md5"}])).await;
    let call = stage.handler.next().await;
    let answer = json!({"EVENT_TOKEN": call.body["event_token"], "RETURN_VALUES": {"outputString": "x"}});
    stage
        .control("POST", &format!("workflows/{id}/lock"), Value::Null)
        .await;

    let (status, reply) = stage.rest("bizproc.event.send", &token, answer.clone()).await;
    assert_eq!(
        (status, &reply["result"]),
        (200, &json!(true)),
        "the portal says true whatever happens"
    );
    let (status, reply) = stage
        .rest(
            "bizproc.activity.log",
            &token,
            json!({"EVENT_TOKEN": call.body["event_token"], "LOG_MESSAGE": "m"}),
        )
        .await;
    assert_eq!((status, &reply["error"]), (400, &json!("423")));
    assert_eq!(stage.counters().await["answers_ignored"]["locked"], 1);
    assert_eq!(
        stage.control("GET", &format!("workflows/{id}"), Value::Null).await["state"],
        "running"
    );

    // Released, the same answer completes the step, and a repeat has no effect.
    stage
        .control("DELETE", &format!("workflows/{id}/lock"), Value::Null)
        .await;
    stage.rest("bizproc.event.send", &token, answer.clone()).await;
    stage.finished(&id).await;
    stage.rest("bizproc.event.send", &token, answer).await;
    let counters = stage.counters().await;
    assert_eq!(counters["answers_applied"], 1);
    assert_eq!(counters["answers_ignored"]["finished"], 1);
    stage.running.stop().await;
}

#[tokio::test]
async fn hundreds_of_workflows_end_and_nothing_is_lost() {
    const COUNT: u64 = 300;
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let body = json!({"steps": [{"code": "md5"}, {"code": "md5"}], "count": COUNT, "fields": {"NAME": "text {n}"}});
    stage.control("POST", "workflows", body).await;
    for _ in 0..2 * COUNT {
        let call = stage.handler.next().await;
        let answer = json!({"EVENT_TOKEN": call.body["event_token"], "RETURN_VALUES": {"outputString": "x"}});
        stage.rest("bizproc.event.send", &token, answer).await;
    }
    stage
        .control(
            "GET",
            &format!("wait?counter=workflows_finished&at_least={COUNT}"),
            Value::Null,
        )
        .await;
    let all = format!("wait?counter=steps_acknowledged_and_answered&at_least={}", 2 * COUNT);
    let counters = stage.control("GET", &all, Value::Null).await;
    for name in [
        "answers_accepted",
        "answers_applied",
        "callbacks_acknowledged",
        "steps_acknowledged",
    ] {
        assert_eq!(counters[name], 2 * COUNT, "{name}");
    }
    assert_eq!(stage.control("GET", "unanswered", Value::Null).await, json!([]));
    stage.running.stop().await;
}
