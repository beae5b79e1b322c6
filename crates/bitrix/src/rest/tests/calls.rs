use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::peer::{Peer, client, response};
use crate::rest::{CallError, Client, ErrorKind, Reply, Retry, client_builder};

const TOKEN: &str = "hush-hush";

async fn call(client: &Client, endpoint: &Url) -> Result<Reply, CallError> {
    client.call(endpoint, TOKEN, "profile", json!({"a": [1]})).await
}

#[tokio::test]
async fn a_call_is_json_with_the_token_in_its_body() {
    let peer = Peer::json(
        200,
        r#"{"result":true,"time":{"start":1,"finish":2.5,"duration":1.5,"processing":1}}"#,
    )
    .await;
    let reply = call(&client(), &peer.url).await.unwrap();
    assert_eq!((reply.result, reply.time.unwrap().duration), (Value::Bool(true), 1.5));
    let request = peer.request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /rest/profile HTTP/1.1\r\n"), "{head}");
    assert!(
        head.to_ascii_lowercase().contains("content-type: application/json"),
        "{head}"
    );
    assert!(!head.contains(TOKEN));
    assert_eq!(body, r#"{"a":[1],"auth":"hush-hush"}"#);
}

/// What a server may answer instead of a result, over a socket: each has its error and what to do about it.
#[tokio::test]
async fn hostile_replies() {
    use ErrorKind as K;
    use Retry::{FindPortal, Never, RefreshToken};
    let later = |seconds| Retry::Later(Duration::from_secs(seconds));
    let json = |status, body| response(status, "application/json", body);
    let html = "<html>503</html>";
    let cases = [
        ("empty", response(200, "text/html", ""), K::Malformed, later(5)),
        ("html", response(200, "text/html", html), K::Malformed, later(5)),
        ("html 502", response(502, "text/html", html), K::ServerError, later(5)),
        ("html 503", response(503, "text/html", html), K::Overloaded, later(10)),
        ("html 429", response(429, "text/html", html), K::RateLimited, later(1)),
        ("503 of the limit", json(503, r#"{"error":"QUERY_LIMIT_EXCEEDED"}"#), K::RateLimited, later(1)),
        ("429 of the method", json(429, r#"{"error":"OPERATION_TIME_LIMIT"}"#), K::OperationTimeLimit, later(60)),
        ("cut body", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"result\":".to_owned(), K::Broken, later(1)),
        ("cut chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{\"re".to_owned(), K::Broken, later(1)),
        ("cut head", "HTTP/1.1 200 OK\r\ncontent-le".to_owned(), K::Broken, later(1)),
        ("no head", String::new(), K::Broken, later(1)),
        ("no http", "SSH-2.0-OpenSSH_9.2\r\n".to_owned(), K::Broken, later(1)),
        ("cut by closing", "HTTP/1.1 200 OK\r\n\r\n{\"result\":".to_owned(), K::Malformed, later(5)),
        ("no result", json(200, "{}"), K::Malformed, later(5)),
        ("a list", json(200, "[true]"), K::Malformed, later(5)),
        ("wrong types", json(200, r#"{"result":true,"error":["x"]}"#), K::Other, Never),
        ("wrong content type", response(400, "text/plain", r#"{"error":"423"}"#), K::WorkflowBusy, later(60)),
        ("an error with 200", json(200, r#"{"error":"wrong_client"}"#), K::InvalidClient, Never),
        ("a result with 500", json(500, r#"{"result":true}"#), K::ServerError, later(5)),
        ("expired", json(401, r#"{"error":"expired_token"}"#), K::TokenExpired, RefreshToken),
        ("redirect", "HTTP/1.1 302 Found\r\nlocation: https://new.example/rest/profile?auth=hush-hush\r\ncontent-length: 0\r\n\r\n".to_owned(), K::Moved, FindPortal),
        ("token repeated", json(401, r#"{"error":"x hush-hush","error_description":"of hush-hush"}"#), K::Other, Never),
        ("token repeated in html", response(200, "text/html", "hush-hush"), K::Malformed, later(5)),
    ];
    for (name, bytes, kind, retry) in cases {
        let peer = Peer::answering(bytes).await;
        let error = call(&client(), &peer.url).await.unwrap_err();
        assert_eq!((error.kind, error.retry()), (kind, retry), "{name}: {error}");
        let text = format!("{error} {error:?}");
        assert!(
            !text.contains(TOKEN) && text.contains("profile at 127.0.0.1:"),
            "{name}: {text}"
        );
        let location = (kind == K::Moved).then_some("https://new.example/rest/profile");
        assert_eq!(error.location.as_deref(), location, "{name}");
    }
}

/// 100 MiB, announced or not: little of it is read.
#[tokio::test]
async fn huge_replies() {
    const MIB: usize = 1024 * 1024;
    let size = 100 * MIB;
    for (head, kind, retry) in [
        (
            format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n"),
            ErrorKind::TooLarge,
            Retry::Never,
        ),
        ("HTTP/1.1 200 OK\r\n\r\n".to_owned(), ErrorKind::TooLarge, Retry::Never),
        (
            "HTTP/1.1 503 X\r\n\r\n".to_owned(),
            ErrorKind::Overloaded,
            Retry::Later(Duration::from_secs(10)),
        ),
    ] {
        let peer = Peer::writing(head.clone(), vec![b' '; MIB], 100, Duration::ZERO).await;
        let error = call(&client(), &peer.url).await.unwrap_err();
        assert_eq!((error.kind, error.retry()), (kind, retry), "{head}");
        assert!(peer.written().await < size / 2, "{head}");
    }
    // A limit of our own, to the byte.
    let body = json!({"result": "x".repeat(988)}).to_string();
    for (limit, fits) in [(1001, true), (1000, false)] {
        let peer = Peer::json(200, &body).await;
        let answer = call(&client().with_max_reply_bytes(limit), &peer.url).await;
        assert_eq!(answer.is_ok(), fits, "{answer:?}");
    }
}

/// A byte now and then: no reply keeps us longer than the time for all of it.
#[tokio::test]
async fn trickling_replies() {
    let hasty = Client::new(client_builder().timeout(Duration::from_millis(300)).build().unwrap());
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nx: "] {
        let peer = Peer::writing(head.to_owned(), b" ".to_vec(), usize::MAX, Duration::from_millis(5)).await;
        let error = call(&hasty, &peer.url).await.unwrap_err();
        assert_eq!(
            (error.kind, error.retry()),
            (ErrorKind::TimedOut, Retry::Later(Duration::from_secs(1))),
            "{error}"
        );
    }
}

#[tokio::test]
async fn silence_and_no_connection() {
    let hasty = Client::new(client_builder().timeout(Duration::from_millis(50)).build().unwrap());
    let peer = Peer::silent().await;
    assert_eq!(call(&hasty, &peer.url).await.unwrap_err().kind, ErrorKind::TimedOut);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/rest/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    let error = call(&client(), &nobody).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(!error.to_string().contains("/rest/"), "{error}");
}

#[tokio::test]
async fn what_is_not_sent() {
    let nobody: Url = "http://127.0.0.1:1/rest/".parse().unwrap();
    let list = client().call(&nobody, TOKEN, "profile", json!([1])).await;
    assert_eq!(list.unwrap_err().kind, ErrorKind::NotSent);
    let path = client().call(&nobody, TOKEN, "../profile", Value::Null).await;
    assert_eq!(path.unwrap_err().kind, ErrorKind::NotSent);
}

#[tokio::test]
async fn profiles() {
    for (body, admin, zone) in [
        (
            r#"{"result":{"ID":"7","ADMIN":true,"TIME_ZONE":"Europe/Moscow"}}"#,
            true,
            Some("Europe/Moscow"),
        ),
        (r#"{"result":{"ID":7,"ADMIN":false,"TIME_ZONE":""}}"#, false, None),
        (r#"{"result":{"ID":"7"}}"#, false, None),
    ] {
        let peer = Peer::json(200, body).await;
        let profile = client().profile(&peer.url, TOKEN).await.unwrap();
        assert_eq!(
            (profile.id, profile.admin, profile.time_zone.as_deref()),
            (7, admin, zone),
            "{body}"
        );
    }
    let peer = Peer::json(200, r#"{"result":[]}"#).await;
    assert_eq!(
        client().profile(&peer.url, TOKEN).await.unwrap_err().kind,
        ErrorKind::Malformed
    );
}
