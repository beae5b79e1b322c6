//! Bodies of REST calls and of their replies, as PHP reads and prints them.

use serde_json::json;

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
