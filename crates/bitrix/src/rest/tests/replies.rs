use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::rest::{
    CallError, Command, ErrorKind, Reply, Retry, Time, batch_body, codes, decode_batch, decode_reply, method_url,
};

fn decode(status: u16, body: impl AsRef<[u8]>) -> Result<Reply, CallError> {
    decode_reply(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_ref())
}

fn later(seconds: u64) -> Retry {
    Retry::Later(Duration::from_secs(seconds))
}

/// What the portal and the OAuth server say, with the statuses that sources and documentation disagree about.
#[test]
fn every_known_error_code() {
    use ErrorKind as K;
    #[rustfmt::skip]
    let cases: &[(u16, &str, &str, K, Retry)] = &[
        (401, "expired_token", "The access token provided has expired", K::TokenExpired, Retry::RefreshToken),
        (401, "invalid_token", "Unable to get application by token", K::TokenInvalid, Retry::RefreshToken),
        (401, "NO_AUTH_FOUND", "Wrong authorization data", K::TokenInvalid, Retry::RefreshToken),
        (401, "INVALID_CREDENTIALS", "Invalid request credentials", K::Closed, later(15)),
        (400, "invalid_grant", "", K::InvalidGrant, Retry::Never),
        (400, "bad_verification_code", "", K::InvalidGrant, Retry::Never),
        (400, "invalid_client", "", K::InvalidClient, Retry::Never),
        (200, "wrong_client", "", K::InvalidClient, Retry::Never),
        (400, "invalid_request", "No \"refresh_token\" parameter found", K::InvalidRequest, Retry::Never),
        (401, "INVALID_REQUEST", "Https required.", K::InvalidRequest, Retry::Never),
        (401, "authorization_error", "Unable to authorize user", K::UserDenied, Retry::Never),
        (403, "user_access_error", "The user does not have access to the application.", K::UserDenied, Retry::Never),
        (401, "insufficient_scope", "", K::ScopeMissing, Retry::Never),
        (403, "invalid_scope", "", K::ScopeMissing, Retry::Never),
        (403, "ACCESS_DENIED", "Access denied! Application context required", K::AccessDenied, Retry::Never),
        (403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method", K::WrongAuthType, Retry::Never),
        (401, "NOT_INSTALLED", "Application not installed", K::NotInstalled, Retry::Gone),
        (401, "ERROR_OAUTH", "Application not installed", K::NotInstalled, Retry::Gone),
        (401, "APPLICATION_NOT_FOUND", "Application not found", K::ApplicationNotFound, Retry::Gone),
        (401, "PAYMENT_REQUIRED", "Subscription has been ended", K::PaymentRequired, Retry::Gone),
        (401, "ERROR_OAUTH", "Закончилось место на диске. <a href=\"/settings\">Подробнее</a>", K::Closed, later(15)),
        (401, "ERROR_OAUTH", "", K::Closed, later(15)),
        (401, "verification_needed", "", K::Closed, later(15)),
        (403, "PORTAL_BLOCKED_BY_LICENSE_SCANNER", "", K::Closed, later(15)),
        (403, "allowed_only_intranet_user", "", K::Closed, later(15)),
        (403, "ACCESS_DENIED", "REST is available only on commercial plans.", K::PaymentRequired, Retry::Gone),
        (401, "ACCESS_DENIED", "REST API is available only on commercial plans", K::PaymentRequired, Retry::Gone),
        (401, "ACCESS_DENIED", "Current user can't be authorized in this context", K::UserDenied, Retry::Never),
        (403, "ACCESS_DENIED", "Access denied!", K::AccessDenied, Retry::Never),
        (200, "PORTAL_DELETED", "Portal was deleted", K::PortalDeleted, later(15)),
        (403, "PORTAL_DELETED", "Portal was deleted", K::PortalDeleted, later(15)),
        (410, "PORTAL_DELETED", "Portal was deleted", K::PortalDeleted, later(15)),
        (500, "PORTAL_DELETED", "Portal was deleted", K::PortalDeleted, later(15)),
        (401, "CONNECTION_ERROR", "Error connecting to authorization server", K::AuthServerDown, later(5)),
        (404, "ERROR_METHOD_NOT_FOUND", "Method not found!", K::MethodNotFound, Retry::Never),
        (400, "ERROR_ACTIVITY_ALREADY_INSTALLED", "Activity or Robot already installed!", K::AlreadyInstalled, Retry::Never),
        (400, "ERROR_ACTIVITY_ADD_FAILURE", "Activity or Robot already added!", K::AlreadyInstalled, Retry::Never),
        (400, "ERROR_ACTIVITY_ADD_FAILURE", "Activity save error!", K::InvalidParameters, Retry::Never),
        (400, "ERROR_ACTIVITY_NOT_FOUND", "Activity or Robot not found!", K::ActivityNotFound, Retry::Never),
        (400, "ERROR_CORE", "Unable to set event handler: Handler already binded", K::AlreadyBound, Retry::Never),
        (400, "ERROR_CORE", "Unable to set placement handler: Handler already binded", K::AlreadyBound, Retry::Never),
        (400, "ERROR_CORE", "something else", K::Other, Retry::Never),
        (500, "ERROR_CORE", "SQL query error!", K::ServerError, later(5)),
        (400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity NAME!", K::InvalidParameters, Retry::Never),
        (400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL", K::InvalidParameters, Retry::Never),
        (400, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported handler protocol", K::InvalidParameters, Retry::Never),
        (400, "ERROR_EMPTY_LOG_MESSAGE", "Empty log message!", K::InvalidParameters, Retry::Never),
        (400, "ERROR_EVENT_NOT_FOUND", "Event not found", K::InvalidParameters, Retry::Never),
        (400, "404", "The business process is not found.", K::WorkflowGone, Retry::Never),
        (400, "423", "The workflow is hung or being executed", K::WorkflowBusy, later(60)),
        (503, "QUERY_LIMIT_EXCEEDED", "Too many requests", K::RateLimited, later(1)),
        (429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", K::OperationTimeLimit, later(60)),
        (503, "OVERLOAD_LIMIT", "", K::Overloaded, later(10)),
        (500, "INTERNAL_SERVER_ERROR", "", K::ServerError, later(5)),
        (500, "ERROR_UNEXPECTED_ANSWER", "", K::ServerError, later(5)),
        (400, "", "Wrong DOCUMENT_ID!", K::Other, Retry::Never),
        (200, "WRONG_ENCODING", "", K::Other, Retry::Never),
        (429, "NEW_CODE", "", K::RateLimited, later(1)),
    ];
    for (status, code, description, kind, retry) in cases {
        let error = decode(
            *status,
            json!({"error": code, "error_description": description}).to_string(),
        )
        .unwrap_err();
        assert_eq!(
            (error.kind, error.retry()),
            (*kind, *retry),
            "{status} {code} {description}"
        );
        assert_eq!(
            (error.code.as_str(), error.description.as_str(), error.status),
            (*code, *description, Some(*status))
        );
    }
    for (text, expected) in [
        ("Access denied!", true),
        ("Access denied! Application context required", false),
        ("REST is available only on commercial plans.", false),
        ("why", false),
    ] {
        let body = json!({"error": "ACCESS_DENIED", "error_description": text}).to_string();
        assert_eq!(decode(403, body).unwrap_err().denies_event_token(), expected, "{text}");
    }
    let number = decode(400, r#"{"error":423,"error_description":"busy"}"#).unwrap_err();
    assert_eq!((number.kind, number.code.as_str()), (ErrorKind::WorkflowBusy, "423"));
}

#[test]
fn replies_that_are_none() {
    use ErrorKind as K;
    let html = "<html><head><title>503 Service Temporarily Unavailable</title></head></html>";
    let cases: &[(u16, &[u8], K, Retry)] = &[
        (200, b"", K::Malformed, later(5)),
        (200, b"  \r\n", K::Malformed, later(5)),
        (200, html.as_bytes(), K::Malformed, later(5)),
        (502, html.as_bytes(), K::ServerError, later(5)),
        (503, html.as_bytes(), K::Overloaded, later(10)),
        (429, b"", K::RateLimited, later(1)),
        (404, html.as_bytes(), K::Malformed, later(5)),
        (200, br#"{"result":{"a":"#, K::Malformed, later(5)),
        (200, b"{\"result\":\"\xff\"}", K::Malformed, later(5)),
        (200, b"[]", K::Malformed, later(5)),
        (200, b"null", K::Malformed, later(5)),
        (200, b"true", K::Malformed, later(5)),
        (200, b"{}", K::Malformed, later(5)),
        (400, b"{}", K::Malformed, later(5)),
        (500, br#"{"result":true}"#, K::ServerError, later(5)),
        (200, br#"{"error":null}"#, K::Malformed, later(5)),
        (302, br#"{"result":true}"#, K::Moved, Retry::FindPortal),
        (308, b"", K::Moved, Retry::FindPortal),
    ];
    for (status, body, kind, retry) in cases {
        let error = decode(*status, body).unwrap_err();
        assert_eq!(
            (error.kind, error.retry(), error.status),
            (*kind, *retry, Some(*status)),
            "{status} {}",
            String::from_utf8_lossy(body)
        );
    }
    let deep = decode(200, format!("{{\"result\":{}", "[".repeat(1_000_000))).unwrap_err();
    assert_eq!(deep.kind, ErrorKind::Malformed);
    assert!(deep.to_string().len() < 500, "{deep}");
    assert!(
        decode(200, html)
            .unwrap_err()
            .to_string()
            .contains("503 Service Temporarily")
    );
}

#[test]
fn headers_that_matter() {
    let mut headers = HeaderMap::new();
    headers.insert(
        "location",
        HeaderValue::from_static("https://new.bitrix24.ru/rest/profile?auth=hush#x"),
    );
    let moved = decode_reply(StatusCode::FOUND, &headers, b"").unwrap_err();
    assert_eq!(moved.location.as_deref(), Some("https://new.bitrix24.ru/rest/profile"));
    assert_eq!(moved.retry(), Retry::FindPortal);

    let pause = |text, body| {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from_static(text))]);
        decode_reply(StatusCode::SERVICE_UNAVAILABLE, &headers, body)
            .unwrap_err()
            .retry()
    };
    assert_eq!(pause("120", b""), later(120));
    assert_eq!(pause("120", br#"{"error":"OVERLOAD_LIMIT"}"#), later(120));
    assert_eq!(pause("1", b""), later(10));
    assert_eq!(pause("999999999", b""), later(3600));
    assert_eq!(pause("Wed, 21 Oct 2026 07:28:00 GMT", b""), later(10));
}

#[test]
fn successes_and_their_extras() {
    let full = r#"{"result":[1],"next":50,"total":"123","time":{"start":1734690000,"finish":1734690000.5,"duration":0.5,
        "processing":0,"date_start":"2024-12-20T13:20:00+03:00","operating_reset_at":1734690600,"operating":0.25}}"#;
    let reply = decode(200, full).unwrap();
    assert_eq!(
        (reply.result, reply.next, reply.total),
        (json!([1]), Some(50), Some(123))
    );
    let time = Time {
        start: 1_734_690_000.0,
        finish: 1_734_690_000.5,
        duration: 0.5,
        processing: 0.0,
        operating: Some(0.25),
        operating_reset_at: Some(1_734_690_600.0),
    };
    assert_eq!(reply.time, Some(time));

    for (body, result) in [
        (r#"{"result":null}"#, Value::Null),
        (r#"{"result":true,"time":[],"next":{},"total":-1}"#, Value::Bool(true)),
        ("\u{feff} {\"result\":\"x\",\"error\":null} \n", json!("x")),
        (r#"{"result":0,"time":{"start":"soon"}}"#, json!(0)),
    ] {
        let reply = decode(200, body).unwrap();
        assert_eq!(
            reply,
            Reply {
                result,
                time: None,
                next: None,
                total: None
            },
            "{body}"
        );
    }
}

#[test]
fn codes_are_texts() {
    assert_eq!(
        codes(&decode(200, r#"{"result":["md5","a.b"]}"#).unwrap()).unwrap(),
        ["md5", "a.b"]
    );
    assert!(codes(&decode(200, r#"{"result":[]}"#).unwrap()).unwrap().is_empty());
    for body in [r#"{"result":{"0":"md5"}}"#, r#"{"result":[1]}"#, r#"{"result":true}"#] {
        assert_eq!(
            codes(&decode(200, body).unwrap()).unwrap_err().kind,
            ErrorKind::Malformed,
            "{body}"
        );
    }
}

#[test]
fn a_batchs_commands_are_forms() {
    let values =
        r#"{"out": "a b&c#d+é", "list": ["x", 2, true, false], "none": null, "empty": {}, "k[]": "", "n": -0.5}"#;
    let commands = [
        Command::new("bizproc.event.send")
            .text("event_token", "w.1|A|e.47dd")
            .json("return_values", values)
            .text("FILTER[ID][0]", "1"),
        Command::new("profile"),
    ];
    let body: Value = serde_json::from_slice(&batch_body("hush-hush", &commands).unwrap()).unwrap();
    assert_eq!((&body["auth"], &body["halt"]), (&json!("hush-hush"), &json!(0)));
    assert_eq!(body["cmd"]["c1"], "profile?");
    let sent = body["cmd"]["c0"].as_str().unwrap();
    let (method, query) = sent.split_once('?').unwrap();
    assert_eq!(method, "bizproc.event.send");
    assert!(
        query
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"%=&-._~".contains(&byte)),
        "{query}"
    );
    let form = crate::form::decode(query.as_bytes(), &crate::form::Limits::default()).unwrap();
    let expected = json!({
        "event_token": "w.1|A|e.47dd",
        "return_values": {"out": "a b&c#d+é", "list": ["x", "2", "1", "0"], "k[": "", "n": "-0.5"},
        "FILTER": {"ID": ["1"]},
    });
    assert_eq!(crate::form::to_json(&form).to_string(), expected.to_string());

    let many = vec![Command::new("profile"); 51];
    assert_eq!(batch_body("", &many).unwrap_err().kind, ErrorKind::NotSent);
    assert!(batch_body("", &many[..50]).is_ok());
}

#[test]
fn a_batch_has_a_result_for_each_command() {
    let decoded = |result: Value| {
        let body = json!({"result": result, "time": {"start": 1, "finish": 2, "duration": 1}}).to_string();
        let reply = decode_batch(StatusCode::OK, &HeaderMap::new(), body.as_bytes(), 3).unwrap();
        assert_eq!(reply.time.map(|time| time.finish), Some(2.0));
        assert_eq!(reply.times.len(), 3);
        reply
    };
    let results = |result: Value| {
        let results = decoded(result).results.into_iter();
        results
            .map(|result| result.map_err(|error| error.kind))
            .collect::<Vec<_>>()
    };
    let time = json!({"start": 1.5, "finish": 2, "duration": 0.5, "processing": 0.1, "date_start": "2026-11-24",
        "operating_reset_at": 9, "operating": 0.25});
    let times = [
        time.clone(),
        json!({"start": "1.5", "finish": "2", "duration": "0.5"}),
        json!(null),
        json!([]),
    ];
    for (at, time) in times.into_iter().enumerate() {
        let mixed = json!({
            "result": {"c0": true},
            "result_error": {"c1": {"error": "expired_token", "error_description": "The access token provided has expired"}},
            "result_total": [], "result_next": [], "result_time": {"c1": time},
        });
        assert_eq!(
            results(mixed.clone()),
            [
                Ok(json!(true)),
                Err(ErrorKind::TokenExpired),
                Err(ErrorKind::NotExecuted)
            ]
        );
        let times = decoded(mixed).times;
        assert_eq!(
            times[1].map(|time| (time.start, time.operating)),
            [Some((1.5, Some(0.25))), Some((1.5, None)), None, None][at]
        );
        assert_eq!((times[0], times[2]), (None, None));
    }

    assert_eq!(
        results(json!({"result": [], "result_error": []})),
        [const { Err(ErrorKind::NotExecuted) }; 3]
    );
    assert_eq!(
        results(json!({"result": {"c0": 1, "c00": 2, "c+1": 3, "c99": 4, "c99999999999999999999": 5, "x": 6}})),
        [Ok(json!(1)), Err(ErrorKind::NotExecuted), Err(ErrorKind::NotExecuted)]
    );
    for odd in [
        json!(true),
        json!([]),
        json!({"result": {"c0": null}, "result_error": {"c1": "odd", "c2": {}}}),
    ] {
        assert_eq!(results(odd).len(), 3);
    }
}

#[test]
fn method_addresses() {
    let url = |endpoint: &str, method| {
        method_url(&endpoint.parse().unwrap(), method)
            .map(String::from)
            .map_err(|e| e.kind)
    };
    assert_eq!(
        url("https://a.b/rest/", "app.info"),
        Ok("https://a.b/rest/app.info".to_owned())
    );
    assert_eq!(
        url("https://a.b:8080/box/rest?x=1#y", "batch"),
        Ok("https://a.b:8080/box/rest/batch".to_owned())
    );
    assert_eq!(url("https://a.b", "profile"), Ok("https://a.b/profile".to_owned()));
    for (endpoint, method) in [
        ("https://a.b/rest/", ""),
        ("https://a.b/rest/", "//c.d/x"),
        ("https://a.b/rest/", "../x"),
        ("https://a.b/rest/", ".."),
        ("https://a.b/rest/", "a?b"),
        ("ftp://a.b/rest/", "profile"),
        ("mailto:a", "profile"),
    ] {
        assert_eq!(url(endpoint, method), Err(ErrorKind::NotSent), "{endpoint} {method}");
    }
}
