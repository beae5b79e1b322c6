//! Bad input at the gateway's door: each gets its answer, or is stored and dropped with a count.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{Shape, Stack, form};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn each_bad_request_gets_its_status_and_nothing_is_run() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let url = stack.url("activity/0123456789abcdef");
    let modern = form("modern_callback")?.0;
    let without_token = modern
        .split('&')
        .filter(|pair| !pair.starts_with("event_token"))
        .collect::<Vec<_>>()
        .join("&");
    let bad_code = modern.replace("code=md5", "code=%FF%FE");
    let nine_megabytes = format!("a={}", "x".repeat(9 << 20));
    let many_fields = "a=1&".repeat(10_001);
    let deep = format!("a{}=1", "[x]".repeat(100));
    let cases: [(&str, Method, &str, &str, StatusCode); 11] = [
        ("a GET", Method::GET, FORM, "", StatusCode::METHOD_NOT_ALLOWED),
        (
            "JSON",
            Method::POST,
            "application/json",
            "{}",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "no content type",
            Method::POST,
            "",
            &modern,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("no body", Method::POST, FORM, "", StatusCode::BAD_REQUEST),
        (
            "9 MiB",
            Method::POST,
            FORM,
            &nine_megabytes,
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        ("many fields", Method::POST, FORM, &many_fields, StatusCode::BAD_REQUEST),
        ("deep brackets", Method::POST, FORM, &deep, StatusCode::BAD_REQUEST),
        (
            "no event token",
            Method::POST,
            FORM,
            &without_token,
            StatusCode::BAD_REQUEST,
        ),
        (
            "a code that is not UTF-8",
            Method::POST,
            FORM,
            &bad_code,
            StatusCode::BAD_REQUEST,
        ),
        (
            "a foreign form",
            Method::POST,
            FORM,
            "document_id%5B0%5D=crm&name=x",
            StatusCode::BAD_REQUEST,
        ),
        (
            "no UTF-8 at all",
            Method::POST,
            FORM,
            "%FF=%FE",
            StatusCode::BAD_REQUEST,
        ),
    ];
    for (what, method, content_type, body, expected) in cases {
        let mut request = stack.http.request(method, &url).body(body.to_owned());
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        assert_eq!(status, expected, "{what}: {text}");
        assert!(!text.is_empty(), "{what}: an error says what is wrong");
    }
    let unknown_app = stack.url("event").replace("/demo/", "/nobody/");
    assert_eq!(
        stack
            .http
            .post(unknown_app)
            .body("")
            .header("content-type", FORM)
            .send()
            .await?
            .status(),
        404
    );
    assert_eq!(stack.emulator.get("counters").await?["answers_accepted"], 0);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_proved_is_stored_and_never_run() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let url = stack.url("activity/0123456789abcdef");
    let member_id = stack.emulator.portal().member_id.clone();
    let (modern, _) = form("modern_callback")?;
    let forged = modern.replace("a223c6b3710f85df22e9377d6c4f7553", &member_id);
    // The first names a portal that nobody knows, the second a real one with an application_token of its own making.
    for body in [modern, forged] {
        let response = stack
            .http
            .post(&url)
            .header("content-type", FORM)
            .body(body)
            .send()
            .await?;
        assert_eq!(
            response.status(),
            200,
            "stored: the portal must not know what we believe"
        );
    }
    // A real workflow afterwards is answered, and nothing else was.
    let workflow = stack
        .emulator
        .workflow(json!([{"code": "md5", "properties": {"inputString": "a"}}]))
        .await?;
    stack.emulator.finished(&workflow).await?;
    assert_eq!(stack.emulator.get("counters").await?["answers_accepted"], 1);
    let metrics = stack.metrics().await?;
    assert!(metrics.contains("quarantined"), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn a_property_of_the_wrong_type_is_a_business_error_in_the_workflows_log() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Serve).await?;
    stack.install().await?;
    let wrong_option = json!({"name": "A1", "code": "digest", "properties": {"input": ["a"], "algorithm": "md4"}});
    let workflow = stack.emulator.workflow(json!([wrong_option])).await?;
    let workflow = stack.emulator.finished(&workflow).await?;
    assert_ne!(workflow["values"]["A1"]["errorCode"], "", "{workflow}");
    let log = workflow["log"].to_string();
    assert!(
        log.contains("algorithm") && log.contains("md4"),
        "names property and value: {log}"
    );
    Ok(())
}
