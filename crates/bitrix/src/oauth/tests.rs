use super::{Server, Servers, app_info, refresh};
use crate::Secret;
use crate::peer::{Peer, client};
use crate::rest::{ErrorKind, Retry};

fn server(peer: &Peer) -> Server {
    let servers = Servers::parse(&[peer.url.origin().ascii_serialization()]).unwrap();
    servers.iter().next().unwrap().clone()
}

#[test]
fn only_configured_servers_are_found() {
    let servers = Servers::default();
    let found = servers.by_endpoint("https://oauth.bitrix24.tech/rest/").unwrap();
    assert_eq!(found.url().as_str(), "https://oauth.bitrix24.tech/");
    assert_eq!(
        servers
            .by_endpoint("https://oauth.bitrix.info/rest")
            .unwrap()
            .endpoint()
            .path(),
        "/rest/"
    );
    assert!(servers.by_endpoint("HTTPS://OAuth.Bitrix.info:443/rest/").is_some());
    for stranger in [
        "",
        "oauth.bitrix.info",
        "http://oauth.bitrix.info/rest/",
        "https://oauth.bitrix.info:8443/rest/",
        "https://oauth.bitrix.info.evil.example/rest/",
        "https://evil.example/rest/?https://oauth.bitrix.info/rest/",
        "https://oauth.bitrix.info@evil.example/rest/",
        "https://evil@oauth.bitrix.info/rest/",
        "https://oauth.bitrix.info/rest/../elsewhere/",
        "https://oauth.bitrix.info/rest/?x",
        "https://oauth.bitrix.info/",
    ] {
        assert_eq!(servers.by_endpoint(stranger), None, "{stranger}");
    }
}

#[test]
fn servers_are_hosts_or_bare_addresses() {
    let servers = Servers::parse(&["oauth.example", "http://127.0.0.1:8443"]).unwrap();
    assert!(servers.by_endpoint("https://oauth.example/rest/").is_some());
    assert!(servers.by_endpoint("http://127.0.0.1:8443/rest/").is_some());
    for wrong in [
        "",
        "https://",
        "ftp://a.b",
        "https://a.b/rest/",
        "https://u:p@a.b",
        "a b",
        "https://a.b?x",
    ] {
        let error = Servers::parse(&["oauth.example", wrong]).unwrap_err();
        assert_eq!(error.text, wrong);
    }
}

#[tokio::test]
async fn app_info_says_whose_the_token_is() {
    let peer = Peer::json(
        200,
        r#"{"result":{"client_id":"local.1","scope":"bizproc,user","expires":1734693600,"user_id":"1","install":{
            "installed":true,"version":"2","status":"L","scope":"bizproc,user","domain":"a.bitrix24.ru",
            "uri":"https://a.bitrix24.ru/x/","client_endpoint":"https://a.bitrix24.ru/rest/","member_id":"m1",
            "member_type":"b24"}},"time":{"start":1,"finish":2,"duration":1}}"#,
    )
    .await;
    let info = app_info(&client(), &server(&peer), "hush-1").await.unwrap();
    assert_eq!(
        (info.client_id.as_str(), info.user_id, info.expires),
        ("local.1", Some(1), Some(1_734_693_600))
    );
    assert_eq!(info.install.member_id, "m1");
    assert_eq!(info.install.client_endpoint, "https://a.bitrix24.ru/rest/");
    assert_eq!((info.install.installed, info.install.version), (true, Some(2)));
    let request = peer.request().await;
    assert!(request.starts_with("POST /rest/app.info HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nauth=hush-1"), "{request}");
}

#[tokio::test]
async fn app_info_that_proves_nothing() {
    for (status, body, kind) in [
        (
            401,
            r#"{"error":"expired_token","error_description":"of hush-1"}"#,
            ErrorKind::TokenExpired,
        ),
        (401, r#"{"error":"invalid_token"}"#, ErrorKind::TokenInvalid),
        (200, r#"{"error":"wrong_client"}"#, ErrorKind::InvalidClient),
        (
            401,
            r#"{"error":"NOT_INSTALLED","error_description":"Application not installed"}"#,
            ErrorKind::NotInstalled,
        ),
        (
            200,
            r#"{"result":{"client_id":"local.1","install":[]}}"#,
            ErrorKind::Malformed,
        ),
        (
            200,
            r#"{"result":{"client_id":"local.1","install":{"member_id":"","client_endpoint":"x"}}}"#,
            ErrorKind::Malformed,
        ),
        (
            200,
            r#"{"result":{"install":{"member_id":"m","client_endpoint":"x"}}}"#,
            ErrorKind::Malformed,
        ),
        (200, r#"{"result":null}"#, ErrorKind::Malformed),
    ] {
        let peer = Peer::json(status, body).await;
        let error = app_info(&client(), &server(&peer), "hush-1").await.unwrap_err();
        assert_eq!(error.kind, kind, "{body}");
        assert!(!format!("{error} {error:?}").contains("hush-1"), "{error}");
        assert!(error.to_string().starts_with("app.info at 127.0.0.1:"), "{error}");
    }
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair() {
    let peer = Peer::json(
        200,
        r#"{"access_token":"a2","refresh_token":"r2","expires":1734693600,"expires_in":"3600","scope":"bizproc",
            "domain":"oauth.bitrix.info","server_endpoint":"https://oauth.bitrix.info/rest/",
            "client_endpoint":"https://a.bitrix24.ru/rest/","member_id":"m1","user_id":1,"status":"L"}"#,
    )
    .await;
    let tokens = refresh(&client(), &server(&peer), "local.1", "hush+2", "hush-3")
        .await
        .unwrap();
    assert_eq!(
        (&tokens.access_token, &tokens.refresh_token),
        (&Secret::new("a2"), &Secret::new("r2"))
    );
    assert_eq!(
        (tokens.expires_in, tokens.expires, tokens.user_id),
        (3600, Some(1_734_693_600), Some(1))
    );
    assert_eq!(tokens.member_id.as_deref(), Some("m1"));
    let debug = format!("{tokens:?}");
    assert!(!debug.contains("a2") && !debug.contains("r2"), "{debug}");
    let request = peer.request().await;
    assert!(request.starts_with("POST /oauth/token/ HTTP/1.1\r\n"), "{request}");
    let body = "grant_type=refresh_token&client_id=local.1&client_secret=hush%2B2&refresh_token=hush-3";
    assert!(request.ends_with(body), "{request}");
}

#[tokio::test]
async fn a_refresh_that_fails() {
    for (status, body, kind, retry) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"hush-3"}"#,
            ErrorKind::InvalidGrant,
            Retry::Never,
        ),
        (
            200,
            r#"{"error":"wrong_client","error_description":"hush-2"}"#,
            ErrorKind::InvalidClient,
            Retry::Never,
        ),
        (
            401,
            r#"{"error":"invalid_client"}"#,
            ErrorKind::InvalidClient,
            Retry::Never,
        ),
        (
            401,
            r#"{"error":"NOT_INSTALLED"}"#,
            ErrorKind::NotInstalled,
            Retry::Gone,
        ),
        (
            401,
            r#"{"error":"PAYMENT_REQUIRED"}"#,
            ErrorKind::PaymentRequired,
            Retry::Gone,
        ),
        (
            200,
            r#"{"access_token":"a2"}"#,
            ErrorKind::Malformed,
            ErrorKind::Malformed.retry(),
        ),
        (
            200,
            r#"{"access_token":"","refresh_token":"r"}"#,
            ErrorKind::Malformed,
            ErrorKind::Malformed.retry(),
        ),
    ] {
        let peer = Peer::json(status, body).await;
        let error = refresh(&client(), &server(&peer), "local.1", "hush-2", "hush-3")
            .await
            .unwrap_err();
        assert_eq!((error.kind, error.retry()), (kind, retry), "{body}");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }
}
