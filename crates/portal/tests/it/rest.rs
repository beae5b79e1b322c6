//! Bodies of REST calls and of their replies, as PHP reads and prints them.

use serde_json::{Value, json};

use crate::harness::Stage;

#[tokio::test]
async fn a_batch_without_errors_and_pages_has_empty_lists() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    let (_, reply) = stage.rest("batch", &token, json!({"cmd": {"a": "server.time"}})).await;
    for name in ["result_error", "result_total", "result_next"] {
        assert_eq!(reply["result"][name], json!([]), "{name}: {reply}");
    }
    assert!(reply["result"]["result"]["a"].is_string(), "{reply}");
}

#[tokio::test]
async fn a_list_as_the_whole_body_has_numbers_for_names() {
    let mut stage = Stage::start().await;
    let token = stage.install().await;
    let url = format!(
        "{}bizproc.activity.add?auth={token}",
        stage.running.portals[0].client_endpoint
    );
    for (body, description) in [
        (json!([]), "Empty data!"),
        (json!("text"), "Empty data!"),
        (json!([{"CODE": "md5"}]), "Empty activity code!"),
    ] {
        let answer = stage.http.post(&url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error_description"], description, "{body}");
    }
}
