//! An app's life: frame, finish, update, reinstall, uninstall.

use crate::harness::Stage;
use serde_json::{Value, json};

/// A form body and the query of the address it was posted to.
fn query(path: &str) -> std::collections::HashMap<String, String> {
    reqwest::Url::parse(&format!("http://h{path}"))
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}

#[tokio::test]
async fn an_app_with_pages_is_installed_by_its_frame() {
    let mut stage = Stage::start().await;
    let url = format!("{}/page", stage.handler.url);
    let installed = stage
        .control(
            "POST",
            "apps",
            json!({"client_id": "ui", "client_secret": "s", "url": url}),
        )
        .await;
    assert_eq!(installed["frame"]["status"], 200);
    assert_eq!(installed["frame"]["body"], "<html>the app's page</html>");
    let frame = stage.handler.next().await;
    let query = query(&frame.path);
    assert_eq!(
        (
            query["PROTOCOL"].as_str(),
            query["LANG"].as_str(),
            query["APP_SID"].len()
        ),
        ("0", "en", 32)
    );
    assert_eq!(query["DOMAIN"], stage.running.portals[0].domain);
    let keys: Vec<&String> = frame.body.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "AUTH_ID",
            "AUTH_EXPIRES",
            "REFRESH_ID",
            "SERVER_ENDPOINT",
            "APPLICATION_TOKEN",
            "APPLICATION_SCOPE",
            "member_id",
            "status",
            "PLACEMENT",
            "PLACEMENT_OPTIONS",
        ]
    );
    assert_eq!(frame.body["PLACEMENT_OPTIONS"], r#"{"any":"1\/"}"#);

    // The page may call already; events come only once it is finished.
    let token = frame.body["AUTH_ID"].as_str().unwrap();
    let (_, info) = stage.rest("app.info", token, json!({})).await;
    assert_eq!(info["result"]["INSTALLED"], false);
    let handler = json!({"event": "OnAppInstall", "handler": format!("{}/event", stage.handler.url)});
    assert_eq!(stage.rest("event.bind", token, handler.clone()).await.1["result"], true);
    let (status, again) = stage.rest("event.bind", token, handler).await;
    assert_eq!((status, &again["error"]), (400, &json!("ERROR_CORE")));
    assert_eq!(
        again["error_description"],
        "Unable to set event handler: Handler already binded"
    );
    stage.control("POST", "apps/ui/finish", Value::Null).await;
    let event = stage.handler.next().await;
    assert_eq!(
        (&event.body["event"], &event.body["data"]["INSTALLED"]),
        (&json!("ONAPPINSTALL"), &json!("Y"))
    );
    assert_eq!(
        stage.rest("app.info", token, json!({})).await.1["result"]["INSTALLED"],
        true
    );

    // Without the fields of newer portals, for somebody else.
    stage.control("PATCH", "settings", json!({"frame_extras": false})).await;
    stage.control("PUT", "users/2", json!({"name": "Worker"})).await;
    stage
        .control("POST", "apps/ui/open", json!({"user": 2, "options": null}))
        .await;
    let frame = stage.handler.next().await;
    assert!(frame.body.get("APPLICATION_TOKEN").is_none() && frame.body.get("PLACEMENT_OPTIONS").is_none());
    let (_, profile) = stage
        .rest("profile", frame.body["AUTH_ID"].as_str().unwrap(), json!({}))
        .await;
    assert_eq!(
        (&profile["result"]["ID"], &profile["result"]["ADMIN"]),
        (&json!("2"), &json!(false))
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn an_install_event_has_the_servers_fields() {
    let mut stage = Stage::start().await;
    stage
        .control(
            "POST",
            "apps",
            json!({"client_id": "demo", "api_only": true, "url": format!("{}/event", stage.handler.url)}),
        )
        .await;
    let event = stage.handler.next().await;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&event.body), ["event", "event_handler_id", "data", "ts", "auth"]);
    assert_eq!(
        event.body["data"],
        json!({"VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "en"})
    );
    assert_eq!(
        keys(&event.body["auth"]),
        [
            "access_token",
            "expires",
            "expires_in",
            "scope",
            "domain",
            "server_endpoint",
            "status",
            "client_endpoint",
            "member_id",
            "user_id",
            "refresh_token",
            "application_token",
        ]
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn an_update_wipes_activities_and_a_step_fails_until_they_are_back() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let list = async |stage: &Stage| stage.rest("bizproc.activity.list", &token, json!({})).await.1["result"].clone();

    stage
        .control(
            "POST",
            "apps/demo/update",
            json!({"activities": "kept", "events": ["update"]}),
        )
        .await;
    assert_eq!(list(&stage).await, json!(["md5"]));
    stage
        .control("POST", "apps/demo/update", json!({"events": ["install"]}))
        .await;
    let event = stage.handler.next().await;
    assert_eq!(
        (&event.body["event"], &event.body["data"]["VERSION"]),
        (&json!("ONAPPINSTALL"), &json!("3"))
    );
    assert_eq!(list(&stage).await, json!([]));

    // The step is a fault, and the workflow goes on.
    let id = stage
        .start_workflow(json!([{"name": "A1", "code": "md5", "client_id": "demo"}]))
        .await;
    let over = stage.finished(&id).await;
    assert_eq!(over["log"][1]["text"], "Application activity is not installed.");
    assert_eq!(over["steps"][0]["how"], "fault");

    // Registered again under the same client, an old template's step works again.
    stage.register(&token, "md5").await;
    stage
        .start_workflow(json!([{"name": "A1", "code": "md5", "client_id": "demo"}]))
        .await;
    assert_eq!(stage.handler.next().await.body["code"], "md5");

    // A reinstall removes nothing.
    stage.control("POST", "apps/demo/reinstall", Value::Null).await;
    assert_eq!(stage.handler.next().await.body["event"], "ONAPPINSTALL");
    assert_eq!(list(&stage).await, json!(["md5"]));
    stage.running.stop().await;
}

#[tokio::test]
async fn values_of_an_activity_that_is_gone_are_dropped() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let id = stage.start_workflow(json!([{"name": "A1", "code": "md5"}])).await;
    let call = stage.handler.next().await;
    stage
        .rest("bizproc.activity.delete", &token, json!({"CODE": "md5"}))
        .await;
    let answer = json!({"EVENT_TOKEN": call.body["event_token"], "RETURN_VALUES": {"outputString": "x"}});
    stage.rest("bizproc.event.send", &token, answer).await;
    assert_eq!(stage.finished(&id).await["values"]["A1"]["outputString"], Value::Null);
    stage.running.stop().await;
}

#[tokio::test]
async fn an_uninstall_tells_without_tokens() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    stage.register(&token, "md5").await;
    let handler = format!("{}/event", stage.handler.url);
    stage
        .rest(
            "event.bind",
            &token,
            json!({"event": "ONAPPUNINSTALL", "handler": handler}),
        )
        .await;
    stage.control("DELETE", "apps/demo?clean=1", Value::Null).await;
    let event = stage.handler.next().await;
    assert_eq!(event.body["data"], json!({"LANGUAGE_ID": "en", "CLEAN": "1"}));
    let keys: Vec<&String> = event.body["auth"].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "domain",
            "server_endpoint",
            "client_endpoint",
            "member_id",
            "application_token"
        ]
    );
    assert!(!event.body["auth"]["application_token"].as_str().unwrap().is_empty());
    assert_eq!(stage.control("GET", "activities", Value::Null).await, json!([]));
    stage.running.stop().await;
}

#[tokio::test]
async fn events_of_old_portals_say_less_and_names_may_be_small() {
    let mut stage = Stage::start().await;
    let switches = json!({"old_events": true, "lower_case_events": true});
    stage.control("PATCH", "settings", switches).await;
    let url = format!("{}/event", stage.handler.url);
    let app = json!({"client_id": "demo", "api_only": true, "url": url});
    stage.control("POST", "apps", app).await;
    let event = stage.handler.next().await.body;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(event["event"], "onappinstall");
    assert_eq!(keys(&event), ["event", "data", "ts", "auth"]);
    assert_eq!(keys(&event["data"]), ["VERSION", "LANGUAGE_ID"]);
    for missing in ["expires", "server_endpoint", "client_endpoint"] {
        assert!(event["auth"].get(missing).is_none(), "{missing}");
    }
    assert!(event["auth"]["refresh_token"].is_string());
    stage.running.stop().await;
}

#[tokio::test]
async fn handlers_of_the_install_event_may_be_lost_at_an_update() {
    let mut stage = Stage::start().await;
    stage
        .control("PATCH", "settings", json!({"sync_install_handlers": true}))
        .await;
    let app = json!({"client_id": "demo", "url": format!("{}/page", stage.handler.url)});
    stage.control("POST", "apps", app).await;
    stage.control("POST", "apps/demo/finish", Value::Null).await;
    let frame = stage.handler.next().await.body;
    let token = frame["AUTH_ID"].as_str().unwrap();
    for event in ["ONAPPINSTALL", "ONAPPUNINSTALL"] {
        let handler = json!({"event": event, "handler": format!("{}/event", stage.handler.url)});
        stage.rest("event.bind", token, handler).await;
    }
    stage
        .control("POST", "apps/demo/update", json!({"events": ["install"]}))
        .await;
    let (_, left) = stage.rest("event.get", token, json!({})).await;
    let left = left["result"].as_array().unwrap();
    assert_eq!((left.len(), &left[0]["event"]), (1, &json!("ONAPPUNINSTALL")));

    // The next post is of the uninstallation, and goes astray.
    stage.control("PUT", "relay", json!({"path": "/astray"})).await;
    stage.control("DELETE", "apps/demo", Value::Null).await;
    let event = stage.handler.next().await;
    assert_eq!(
        (&*event.path, &event.body["event"]),
        ("/astray", &json!("ONAPPUNINSTALL"))
    );
    stage.running.stop().await;
}
