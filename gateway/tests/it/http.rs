//! Every HTTP answer.

use proto::gateway::v1::State;
use reqwest::{Method, StatusCode};

use crate::{
    harness::{Callback, Gateway, World},
    registrar::APP,
};

const EVENT: &str = "event=ONAPPINSTALL&data[VERSION]=1&ts=1700000000&auth[member_id]=m";

async fn respond(
    world: &World,
    gateway: &Gateway,
    method: Method,
    path: &str,
    kind: Option<&str>,
    body: &[u8],
) -> StatusCode {
    let mut request = world
        .http
        .request(method, format!("http://{}{path}", gateway.http))
        .body(body.to_vec());
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn what_is_not_taken_is_told() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let form = Some("application/x-www-form-urlencoded");
    let callback = Callback::new("x").body();
    let activity = format!("/bitrix/{APP}/activity/{}", world.registrar.revision);
    let event = format!("/bitrix/{APP}/event");
    let no_token = Callback::new("x").without("event_token").body();
    let bad_code = callback.replace("=md5", "=%FF%FE");
    let large = vec![b'a'; 9 << 20];
    let deep = format!("{callback}&properties{}=1", "[a]".repeat(100));
    for (method, path, kind, body, expected) in [
        (Method::GET, activity.as_str(), None, &b""[..], 405),
        (Method::PUT, &event, form, callback.as_bytes(), 405),
        (Method::GET, &event, None, b"", 405),
        (Method::POST, &activity, Some("application/json"), b"{}", 415),
        (
            Method::POST,
            &activity,
            Some("multipart/form-data; boundary=x"),
            b"--x--",
            415,
        ),
        (Method::POST, &activity, None, callback.as_bytes(), 415),
        (Method::POST, &activity, form, &large, 413),
        (Method::POST, &activity, form, b"", 400),
        (Method::POST, &activity, form, b"a=1&b=2", 400),
        (Method::POST, &activity, form, no_token.as_bytes(), 400),
        (Method::POST, &activity, form, bad_code.as_bytes(), 400),
        (Method::POST, &activity, form, deep.as_bytes(), 400),
        (
            Method::POST,
            "/bitrix/other/activity/0000000000000000",
            form,
            callback.as_bytes(),
            404,
        ),
        (Method::POST, "/bitrix/demo", form, callback.as_bytes(), 404),
        (Method::GET, "/", None, b"", 404),
        (
            Method::POST,
            &activity,
            Some("Application/X-WWW-Form-URLencoded; charset=UTF-8"),
            callback.as_bytes(),
            200,
        ),
    ] {
        let status = respond(&world, &gateway, method.clone(), path, kind, body).await;
        assert_eq!(
            status.as_u16(),
            expected,
            "{method} {path} {kind:?} {} bytes",
            body.len()
        );
    }
    let metrics = world.registrar.state.snapshot.borrow().version.clone();
    assert_eq!(metrics, "1", "nothing of this reached the registrar");
    let metrics = gateway.metrics(&world.http).await;
    for reason in [
        "method",
        "content_type",
        "too_large",
        "empty",
        "foreign",
        "missing_field",
        "bad_utf8",
        "form",
        "app",
    ] {
        assert!(
            metrics.contains(&format!("gateway_posts_refused_total{{reason=\"{reason}\"}}")),
            "{reason}\n{metrics}"
        );
    }
    gateway.the_job(State::Sent).await;
    assert_eq!(world.portal.sent().len(), 1);
}

#[tokio::test]
async fn a_get_is_told_what_to_send() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let url = format!("http://{}/bitrix/{APP}/event", gateway.http);
    let response = world.http.get(url).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    assert!(response.text().await.unwrap().contains("POST requests only"));
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let chunks = (0..10).map(|_| Ok::<_, std::io::Error>(vec![b'a'; 1 << 20]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let (status, text) = world.post(&gateway, &format!("/bitrix/{APP}/event"), body).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text.contains("larger than 8388608 bytes"), "{text}");
}

#[tokio::test]
async fn a_body_counts_by_its_shape_wherever_it_arrives() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let activity = format!("/bitrix/{APP}/activity/{}", world.registrar.revision);
    assert_eq!(world.post(&gateway, &activity, EVENT).await.0, StatusCode::OK);
    for (number, path) in ["event", "page"].into_iter().enumerate() {
        let callback = Callback::numbered(u32::try_from(number).unwrap(), "x").body();
        assert_eq!(
            world.post(&gateway, &format!("/bitrix/{APP}/{path}"), callback).await.0,
            StatusCode::OK
        );
    }
    assert_eq!(world.portal.calls(2).await.len(), 2);
    let frame = "AUTH_ID=a&REFRESH_ID=r&member_id=m&PLACEMENT=DEFAULT";
    let (status, page) = world.post(&gateway, &activity, frame).await;
    assert!(page.contains("<!doctype html>"), "{status} {page}");
    assert_eq!(world.registrar.state.installs.lock().len(), 1);
}

#[tokio::test]
async fn repeats_are_acknowledged_and_not_run_twice() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let callback = Callback::new("x");
    let token = callback.get("event_token").to_owned();
    assert_eq!(world.callback(&gateway, &callback).await, StatusCode::OK);
    gateway.the_job(State::Sent).await;
    // The signature is compared after hex decoding: another spelling is the same event.
    let respelled = callback.with("event_token", &token.replace("47dd5d88", "47DD5D88"));
    assert_eq!(world.callback(&gateway, &respelled).await, StatusCode::OK);
    gateway.the_job(State::Sent).await;
    assert_eq!(world.executor.called().len(), 1);
}

#[tokio::test]
async fn a_portal_that_hangs_up_early_is_answered_all_the_same() {
    use tokio::io::AsyncWriteExt;
    let world = World::new().await;
    let gateway = world.gateway().await;
    let body = Callback::new("x").body();
    let mut stream = tokio::net::TcpStream::connect(gateway.http).await.unwrap();
    let head = format!(
        "POST /bitrix/{APP}/activity/{} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{body}",
        world.registrar.revision,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    gateway.the_job(State::Sent).await;
}
