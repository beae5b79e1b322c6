//! Parallel branches, job order, time-outs, the generation of 2025, and what returned values become.

use crate::harness::Stage;
use serde_json::{Value, json};

fn log_texts(workflow: &Value) -> Vec<&str> {
    let lines = workflow["log"].as_array().unwrap().iter();
    lines
        .filter(|line| line["kind"] == "custom")
        .map(|line| line["text"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn answers_of_one_batch_all_count_and_run_in_the_servers_order() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let branch = |n: u64| json!([{"name": format!("B{n}"), "code": "md5"}]);
    let id = stage
        .start_workflow(
            json!([{"parallel": [branch(0), branch(1), branch(2), branch(3)]}, {"name": "Z", "code": "md5"}]),
        )
        .await;
    let mut commands = serde_json::Map::new();
    for n in 0..4 {
        let call = stage.handler.next().await;
        let token = call.body["event_token"].as_str().unwrap().to_owned();
        let query: String = url_encode(&token);
        commands.insert(
            format!("c{n}"),
            json!(format!("bizproc.event.send?EVENT_TOKEN={query}&LOG_MESSAGE=m{n}")),
        );
    }
    let (_, reply) = stage.rest("batch", &token, json!({"cmd": commands})).await;
    assert_eq!(
        reply["result"]["result"],
        json!({"c0": true, "c1": true, "c2": true, "c3": true})
    );
    // The join is passed once: the step after it is called a single time.
    let last = stage.handler.next().await;
    assert!(last.body["event_token"].as_str().unwrap().contains("|Z|"));
    let (_, reply) = stage
        .rest(
            "bizproc.event.send",
            &token,
            json!({"EVENT_TOKEN": last.body["event_token"]}),
        )
        .await;
    assert_eq!(reply["result"], true);
    let over = stage.finished(&id).await;
    assert_eq!(
        log_texts(&over),
        ["m0", "m3", "m2", "m1", "Received application response"]
    );
    assert!(stage.handler.nothing_came());
    stage.running.stop().await;
}

fn url_encode(text: &str) -> String {
    portal::php::form::build(&serde_json::Map::from_iter([("t".to_owned(), json!(text))])).split_off(2)
}

#[tokio::test]
async fn the_second_of_two_answers_is_lost_while_the_first_holds_the_lock() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let id = stage
        .start_workflow(json!([{"parallel": [[{"name": "B1", "code": "md5"}], [{"name": "B2", "code": "md5"}]]}]))
        .await;
    let (first, second) = (stage.handler.next().await, stage.handler.next().await);
    stage.control("PATCH", "settings", json!({"lock_hold_ms": 300})).await;
    for call in [&first, &second] {
        let (_, reply) = stage
            .rest(
                "bizproc.event.send",
                &token,
                json!({"EVENT_TOKEN": call.body["event_token"]}),
            )
            .await;
        assert_eq!(reply["result"], true);
    }
    stage
        .control("GET", "wait?counter=answers_ignored.locked", Value::Null)
        .await;
    stage.control("GET", "wait?counter=answers_applied", Value::Null).await;
    let open = stage.control("GET", "unanswered", Value::Null).await;
    assert_eq!(
        open.as_array().unwrap().len(),
        1,
        "a naive sender leaves a branch waiting for ever: {open}"
    );

    stage.control("PATCH", "settings", json!({"lock_hold_ms": 0})).await;
    for call in [first, second] {
        stage
            .rest(
                "bizproc.event.send",
                &token,
                json!({"EVENT_TOKEN": call.body["event_token"]}),
            )
            .await;
    }
    stage.finished(&id).await;
    let counters = stage.counters().await;
    assert_eq!(
        (&counters["answers_applied"], &counters["answers_ignored"]["stale"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        counters["steps_acknowledged"],
        counters["steps_acknowledged_and_answered"]
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn a_lost_save_leaves_a_dead_callback_behind_and_the_step_open() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let id = stage
        .start_workflow(json!([{"name": "A1", "code": "md5"}, {"name": "A2", "code": "md5"}]))
        .await;
    let first = stage.handler.next().await;
    stage.control("PATCH", "settings", json!({"lost_saves": 1})).await;
    let answer = json!({"EVENT_TOKEN": first.body["event_token"]});
    stage.rest("bizproc.event.send", &token, answer.clone()).await;
    let dead = stage.handler.next().await;
    stage
        .rest(
            "bizproc.event.send",
            &token,
            json!({"EVENT_TOKEN": dead.body["event_token"]}),
        )
        .await;
    // The same answer once more runs the second step again, with another event id.
    stage.rest("bizproc.event.send", &token, answer).await;
    let alive = stage.handler.next().await;
    assert_ne!(alive.body["event_token"], dead.body["event_token"]);
    stage
        .rest(
            "bizproc.event.send",
            &token,
            json!({"EVENT_TOKEN": alive.body["event_token"]}),
        )
        .await;
    stage.finished(&id).await;
    let counters = stage.counters().await;
    assert_eq!(
        (&counters["answers_applied"], &counters["steps_completed_twice"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(
        (
            &counters["answers_ignored"]["save_lost"],
            &counters["answers_ignored"]["stale"]
        ),
        (&json!(1), &json!(1))
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn a_time_out_closes_the_step_and_a_late_answer_has_no_effect() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let steps = json!([{"name": "A1", "code": "md5", "timeout": 600}, {"name": "A2", "code": "md5", "properties": {"inputString": "was {=A1:IsTimeout}"}}]);
    let id = stage.start_workflow(steps).await;
    let call = stage.handler.next().await;
    assert_eq!(call.body["timeout_duration"], "600");
    stage
        .control_raw("POST", "clock/advance", json!({"seconds": 599}))
        .await;
    assert_eq!(stage.counters().await["steps_timed_out"], 0);
    stage.control_raw("POST", "clock/advance", json!({"seconds": 2})).await;
    let next = stage.handler.next().await;
    assert_eq!(next.body["properties"]["inputString"], "was 1");
    let (_, reply) = stage
        .rest(
            "bizproc.event.send",
            next.body["auth"]["access_token"].as_str().unwrap(),
            json!({
                "EVENT_TOKEN": call.body["event_token"], "RETURN_VALUES": {"outputString": "late"},
            }),
        )
        .await;
    assert_eq!(reply["result"], true);
    let workflow = stage.control("GET", &format!("workflows/{id}"), Value::Null).await;
    assert_eq!(workflow["values"]["A1"], json!({"outputString": null, "IsTimeout": 1}));
    assert_eq!(stage.counters().await["answers_ignored"]["stale"], 1);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_step_that_does_not_wait_goes_on_at_once() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    // Registered without USE_SUBSCRIPTION: the template decides, and a template that says nothing does not wait.
    let mut definition = stage.definition("free");
    definition.as_object_mut().unwrap().remove("USE_SUBSCRIPTION");
    stage.rest("bizproc.activity.add", &token, definition).await;
    let id = stage
        .start_workflow(json!([{"name": "A1", "code": "free"}, {"name": "A2", "code": "free", "wait": "Y"}]))
        .await;
    let (one, two) = (stage.handler.next().await, stage.handler.next().await);
    let (first, second) = if one.body.get("use_subscription").is_none() {
        (one, two)
    } else {
        (two, one)
    };
    assert!(first.body.get("use_subscription").is_none());
    assert_eq!(second.body["use_subscription"], "Y");
    stage
        .rest(
            "bizproc.event.send",
            &token,
            json!({"EVENT_TOKEN": first.body["event_token"]}),
        )
        .await;
    assert_eq!(stage.counters().await["answers_ignored"]["stale"], 1);
    stage
        .rest(
            "bizproc.event.send",
            &token,
            json!({"EVENT_TOKEN": second.body["event_token"]}),
        )
        .await;
    stage.finished(&id).await;
    stage.running.stop().await;
}

#[tokio::test]
async fn the_generation_of_2025_tells_what_is_wrong() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    stage
        .control("PATCH", "settings", json!({"event_send": "sync-2025"}))
        .await;
    let id = stage.start_workflow(json!([{"name": "A1", "code": "md5"}])).await;
    let call = stage.handler.next().await;
    let answer = json!({"EVENT_TOKEN": call.body["event_token"]});
    stage
        .control("POST", &format!("workflows/{id}/lock"), Value::Null)
        .await;
    let (status, reply) = stage.rest("bizproc.event.send", &token, answer.clone()).await;
    assert_eq!((status, &reply["error"]), (400, &json!("423")));
    stage
        .control("DELETE", &format!("workflows/{id}/lock"), Value::Null)
        .await;
    assert_eq!(
        stage.rest("bizproc.event.send", &token, answer.clone()).await.1["result"],
        true
    );
    let (status, reply) = stage.rest("bizproc.event.send", &token, answer).await;
    assert_eq!((status, &reply["error"]), (400, &json!("404")));
    stage.running.stop().await;
}

#[tokio::test]
async fn returned_dates_become_what_the_server_makes_of_them() {
    let new = portal::NewPortal {
        settings: portal::state::Settings {
            zone_offset: 10_800,
            use_time_zones: true,
            ..Default::default()
        },
        ..Default::default()
    };
    let mut stage = Stage::with(new).await;
    let token = stage.install().await;
    stage
        .control("PUT", "users/1", json!({"admin": true, "zone_offset": 7200}))
        .await;
    let mut definition = stage.definition("dates");
    definition["RETURN_PROPERTIES"] = json!({
        "exact": {"Name": "n", "Type": "datetime"}, "number": {"Name": "n", "Type": "datetime"}, "zulu": {"Name": "n", "Type": "datetime"},
        "zone": {"Name": "n", "Type": "datetime"}, "suffix": {"Name": "n", "Type": "datetime"}, "culture": {"Name": "n", "Type": "datetime"},
        "blank": {"Name": "n", "Type": "datetime"}, "day": {"Name": "n", "Type": "date"}, "list": {"Name": "n", "Type": "datetime", "Multiple": "Y"},
        "time": {"Name": "n", "Type": "time"}, "notime": {"Name": "n", "Type": "time"}, "empty": {"Name": "n", "Type": "datetime"},
    });
    stage.rest("bizproc.activity.add", &token, definition).await;
    let id = stage.start_workflow(json!([{"name": "A1", "code": "dates"}])).await;
    let call = stage.handler.next().await;
    let values = json!({
        "exact": "1764000000", "number": 1_764_000_000, "zulu": "2026-11-24T10:00:00Z", "zone": "2026-11-24T10:00:00+05:00",
        "suffix": "2026-11-24T10:00:00+05:00 [0]", "culture": "24.11.2026 10:00:00", "blank": "2026-11-24 10:00:00", "day": "2026-11-24T10:00:00",
        "list": ["1764000000", "2026-11-24T10:00:00"], "time": "25:5", "notime": "soon", "empty": "",
    });
    stage
        .rest(
            "bizproc.event.send",
            &token,
            json!({"EVENT_TOKEN": call.body["event_token"], "RETURN_VALUES": values}),
        )
        .await;
    let over = stage.finished(&id).await;
    let expected = json!({
        "exact": "2025-11-24T19:00:00+03:00",
        "number": 1_764_000_000,
        // The zone is ignored: the server's own clock, less the caller's two hours.
        "zulu": "2026-11-24T08:00:00+03:00",
        "zone": "2026-11-24T06:00:00+03:00",
        "suffix": "2026-11-24T08:00:00+03:00",
        "culture": "2026-11-24T08:00:00+03:00",
        "blank": "2026-11-24 10:00:00",
        "day": "2026-11-24",
        "list": ["2025-11-24T19:00:00+03:00", "2026-11-24T08:00:00+03:00"],
        "time": "01:05",
        "notime": null,
        "empty": "",
        "IsTimeout": 0,
    });
    assert_eq!(over["values"]["A1"], expected);
    stage.running.stop().await;
}

#[tokio::test]
async fn properties_go_out_as_php_has_them() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    let mut definition = stage.definition("kinds");
    definition["PROPERTIES"] = json!({
        "untouched": {"Name": "n", "Type": "int"}, "many": {"Name": "n", "Type": "string", "Multiple": "Y"}, "none": {"Name": "n", "Type": "string", "Multiple": "Y"},
        "gap": {"Name": "n", "Type": "string", "Multiple": "Y"}, "yes": {"Name": "n", "Type": "bool"}, "no": {"Name": "n", "Type": "bool"},
        "float": {"Name": "n", "Type": "double"}, "first": {"Name": "n", "Type": "string"}, "mixed": {"Name": "n", "Type": "string"},
        "raw": {"Name": "n", "Type": "string"},
    });
    stage.rest("bizproc.activity.add", &token, definition).await;
    let properties = json!({
        "many": "one", "none": [], "gap": [null, "z", null], "yes": true, "no": false, "float": 0.1 + 0.2, "first": ["a", "b"],
        "mixed": "[{=Document:NAME}] {=Document:MISSING}{=Workflow:id}", "raw": {"$base64": "/w=="}, "unknown": "dropped",
    });
    let id = stage
        .start_workflow(json!([{"name": "A1", "code": "kinds", "properties": properties}]))
        .await;
    let call = stage.handler.next().await;
    let expected = json!({
        "untouched": "", "many": ["one"], "gap": {"1": "z"}, "yes": "Y", "no": "0", "float": "0.3", "first": "a",
        "mixed": format!("[Тест] {id}"), "raw": {"$base64": "/w=="},
    });
    assert_eq!(call.body["properties"], expected);
    stage.running.stop().await;
}
