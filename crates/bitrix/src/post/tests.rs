use serde_json::json;

use super::{Callback, Event, EventToken, Frame, Post, PostError, classify};
use crate::Secret;
use crate::fixtures::{self, body};
use crate::form::{FormError, Limits, to_json};

fn read(body: impl AsRef<[u8]>) -> Result<Post, PostError> {
    classify(body.as_ref(), None, &Limits::default())
}

fn callback(body: impl AsRef<[u8]>) -> Callback {
    match read(body) {
        Ok(Post::Callback(callback)) => callback,
        other => panic!("no callback: {other:?}"),
    }
}

fn event(body: impl AsRef<[u8]>) -> Event {
    match read(body) {
        Ok(Post::Event(event)) => event,
        other => panic!("no event: {other:?}"),
    }
}

fn frame(body: impl AsRef<[u8]>, query: Option<&str>) -> Frame {
    match classify(body.as_ref(), query, &Limits::default()) {
        Ok(Post::Frame(frame)) => frame,
        other => panic!("no frame: {other:?}"),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "fields are optional")]
fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}

#[expect(clippy::unnecessary_wraps, reason = "fields are optional")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The recorded forms whose name begins so.
fn recorded(prefix: &str) -> Vec<fixtures::PhpForm> {
    fixtures::php_forms()
        .into_iter()
        .filter(|form| form.name.starts_with(prefix))
        .collect()
}

#[test]
fn todays_callback() {
    let callback = callback(body("modern_callback"));
    assert_eq!(callback.workflow_id, "6580f7a1c0a8e4.31415926");
    assert_eq!(callback.code, "md5");
    assert_eq!(
        callback.document_id,
        Some(["crm", "CCrmDocumentDeal", "DEAL_123"].map(str::to_owned))
    );
    assert_eq!(
        callback.document_type,
        Some(["crm", "CCrmDocumentDeal", "DEAL"].map(str::to_owned))
    );
    assert_eq!(to_json(&callback.properties), json!({"inputString": "Привет, мир"}));
    assert_eq!(callback.use_subscription, some("Y"));
    assert_eq!(callback.timeout_duration, Some(600));
    assert_eq!(callback.ts, Some(1_734_690_000));
    let token = &callback.event_token;
    assert_eq!(token.workflow_id(), Some("6580f7a1c0a8e4.31415926"));
    assert_eq!(token.activity_name(), Some("A12345_67890_11111_22222"));
    assert_eq!(token.event_id(), Some("Zq3vT9w0hKJm2cYpXe7RbN5sUaLdFiGo"));
    let auth = &callback.auth;
    assert_eq!(
        auth.access_token,
        secret("1a2b3c4d006c9f1e0000000100000001b0e3a7c9d1f2")
    );
    assert_eq!(
        auth.refresh_token,
        secret("0a1b2c3d006c9f1e00000001000000019f8e7d6c5b4a")
    );
    assert_eq!(auth.application_token, secret("51856fefc120afa4b628cc82d3935cce"));
    assert_eq!((auth.expires, auth.expires_in), (Some(1_734_693_600), Some(3600)));
    assert_eq!(auth.domain, some("example.bitrix24.ru"));
    assert_eq!(auth.member_id, some("a223c6b3710f85df22e9377d6c4f7553"));
    assert_eq!(auth.server_endpoint, some("https://oauth.bitrix.info/rest/"));
    assert_eq!(auth.client_endpoint, some("https://example.bitrix24.ru/rest/"));
    assert_eq!(
        (auth.scope.clone(), auth.status.clone()),
        (some("bizproc,crm,user"), some("L"))
    );
    assert_eq!(auth.user_id, Some(1));
}

#[test]
fn the_callback_of_2015_lacks_half_the_fields() {
    let callback = callback(body("seed_example"));
    assert_eq!(callback.code, "md5");
    assert_eq!((&callback.document_id, &callback.document_type), (&None, &None));
    assert_eq!((&callback.use_subscription, callback.timeout_duration), (&None, None));
    assert_eq!(callback.ts, Some(1_442_580_723));
    assert_eq!(callback.auth.domain, some("b24.sigurd.bx"));
    assert_eq!(callback.auth.refresh_token, None);
    assert_eq!(callback.auth.application_token, None);
    assert_eq!(callback.auth.server_endpoint, None);
}

#[test]
fn every_recorded_callback_is_one() {
    for prefix in [
        "modern_",
        "value_",
        "type_",
        "multiple_",
        "nested_",
        "auth_",
        "properties_",
        "assoc_",
    ] {
        for case in recorded(prefix) {
            let callback = callback(&case.body);
            let expected = case.decoded.get("properties").cloned().unwrap_or_else(|| json!({}));
            assert_eq!(
                to_json(&callback.properties).to_string(),
                expected.to_string(),
                "case {}",
                case.name
            );
        }
    }
}

#[test]
fn auth_may_be_a_text_or_lack_its_tokens() {
    assert_eq!(callback(body("auth_is_string")).auth, super::Auth::default());
    let auth = callback(body("auth_without_token")).auth;
    assert_eq!((auth.access_token, auth.domain), (None, some("example.bitrix24.ru")));
}

#[test]
fn a_callbacks_lesser_fields_never_refuse_it() {
    let base = "workflow_id=w.1&code=c&event_token=w.1|A|e.ab&";
    let odd =
        callback(base.to_owned() + "timeout_duration=-5&ts=soon&document_id=x&document_type[1]=e&use_subscription[]=Y");
    assert_eq!((odd.timeout_duration, odd.ts), (None, None));
    assert_eq!(
        (odd.document_id, odd.document_type, odd.use_subscription),
        (None, None, None)
    );
    let null_module = callback(base.to_owned() + "document_id[1]=Doc&document_id[2]=42&timeout_duration=0&properties=");
    assert_eq!(null_module.document_id, Some(["", "Doc", "42"].map(str::to_owned)));
    assert_eq!(null_module.timeout_duration, Some(0));
    assert!(null_module.properties.is_empty());
}

#[test]
fn events() {
    let install = event(body("event_onappinstall"));
    assert_eq!(install.event, "ONAPPINSTALL");
    assert_eq!(
        to_json(&install.data),
        json!({"VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "ru"})
    );
    assert_eq!((install.ts, install.event_handler_id), (Some(1_734_690_000), some("1")));
    assert!(install.auth.access_token.is_some() && install.auth.refresh_token.is_some());

    let uninstall = event(body("event_onappuninstall"));
    assert_eq!(
        (uninstall.event.as_str(), uninstall.auth.access_token),
        ("ONAPPUNINSTALL", None)
    );
    assert_eq!(
        uninstall.auth.application_token,
        secret("51856fefc120afa4b628cc82d3935cce")
    );

    let of_2017 = event("event=onAppInstall&data[VERSION]=1&auth[access_token]=t&auth[domain]=a.b");
    assert_eq!(
        (of_2017.event.as_str(), of_2017.ts, of_2017.event_handler_id),
        ("ONAPPINSTALL", None, None)
    );
    assert_eq!(event("event=ONAPPTEST&auth=").auth, super::Auth::default());
}

#[test]
fn frames() {
    let case = recorded("install_post").remove(0);
    let (query, _) = case.query.unwrap();
    let install = frame(&case.body, Some(&query));
    assert_eq!(install.domain, some("example.bitrix24.ru"));
    assert_eq!(install.auth.domain, install.domain);
    assert_eq!((install.https, install.lang.as_deref()), (Some(true), Some("ru")));
    assert_eq!(install.app_sid, some("69d6ff8c0e5e4dd1d2c0d3f7d7a0c9aa"));
    assert_eq!(install.placement, some("DEFAULT"));
    assert_eq!(install.placement_options, some(r#"{"any":"1\/"}"#));
    assert_eq!((install.auth.expires, install.auth.expires_in), (None, Some(3600)));
    assert_eq!(install.auth.member_id, some("a223c6b3710f85df22e9377d6c4f7553"));
    assert!(install.auth.access_token.is_some() && install.auth.refresh_token.is_some());

    let newer =
        "AUTH_ID=a&SERVER_ENDPOINT=https://oauth.bitrix.info/rest/&APPLICATION_TOKEN=t&APPLICATION_SCOPE=bizproc";
    let without_query = frame(newer, None);
    assert_eq!((without_query.domain, without_query.https), (None, None));
    assert_eq!(without_query.auth.application_token, secret("t"));
    assert_eq!(
        without_query.auth.server_endpoint,
        some("https://oauth.bitrix.info/rest/")
    );
    assert_eq!(without_query.auth.scope, some("bizproc"));
    assert_eq!(frame("AUTH_ID=a&DOMAIN=b.c&PROTOCOL=0", Some("")).domain, some("b.c"));
    assert_eq!(frame("AUTH_ID=a", Some("PROTOCOL=0")).https, Some(false));
}

#[test]
fn what_is_refused_and_why() {
    let missing = |field| Err(PostError::Missing { field });
    let bad_utf8 = |field| Err(PostError::BadUtf8 { field });
    let cases: [(&[u8], Result<(), PostError>); 21] = [
        (b"", Err(PostError::Empty)),
        (b"&&", Err(PostError::Empty)),
        (
            b"document_id[0]=crm&document_id[1]=CCrmDocumentDeal&document_id[2]=DEAL_1",
            Err(PostError::Foreign),
        ),
        (b"a=1", Err(PostError::Foreign)),
        (b"{\"event_token\":\"x\"}", Err(PostError::Foreign)),
        (b"workflow_id=w&code=c&properties[a]=1", missing("event_token")),
        (b"workflow_id=w&code=c", missing("event_token")),
        (b"code=c&properties[a]=1", missing("event_token")),
        (b"workflow_id=w&code=c&event_token=", missing("event_token")),
        (b"workflow_id=w&code=c&event_token[]=x", missing("event_token")),
        (b"workflow_id=w&event_token=t", missing("code")),
        (b"code=c&event_token=t", missing("workflow_id")),
        (b"event=&auth[domain]=a", missing("event")),
        (b"workflow_id=%ff&code=c&event_token=t", bad_utf8("workflow_id")),
        (b"workflow_id=w&code=%ff&event_token=t", bad_utf8("code")),
        (b"workflow_id=w&code=c&event_token=%ff", bad_utf8("event_token")),
        (
            b"workflow_id=w&code=c&event_token=t&auth[member_id]=%ff",
            bad_utf8("member_id"),
        ),
        (
            b"workflow_id=w&code=c&event_token=t&document_id[1]=%ff",
            bad_utf8("document_id"),
        ),
        (b"event=%ff", bad_utf8("event")),
        (b"AUTH_ID=%ff", bad_utf8("AUTH_ID")),
        (
            b"workflow_id=w&code=c&event_token=t&properties[a]=%ff&properties[%ff]=1",
            Ok(()),
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(
            read(body).map(drop),
            expected,
            "body {:?}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn too_large_is_told_from_wrong() {
    let limits = Limits {
        bytes: 10,
        ..Limits::default()
    };
    let error = classify(b"event=ONAPPTEST", None, &limits).unwrap_err();
    assert!(error.is_too_large());
    let limits = Limits {
        pairs: 1,
        ..Limits::default()
    };
    let error = classify(b"event=ONAPPTEST&ts=1", None, &limits).unwrap_err();
    assert_eq!(error, PostError::Form(FormError::TooManyPairs { limit: 1 }));
    assert!(!error.is_too_large());
}

#[test]
fn one_event_has_one_digest_however_its_signature_is_spelled() {
    let digest = |token| EventToken::new(token).dedup_digest();
    assert_eq!(digest("55c1.78|A1|e.47dd"), digest("55c1.78|A1|e.47DD"));
    assert_ne!(digest("55c1.78|A1|e.47dd"), digest("55c1.78|A1|f.47dd"));
    // Without a signature the last dot is the workflow id's.
    assert_ne!(digest("55c1.78|A1|e"), digest("55c1.78|A1|f"));
    let unsigned = EventToken::new("55c1.78|A1|e");
    assert_eq!((unsigned.unsigned(), unsigned.event_id()), ("55c1.78|A1|e", Some("e")));
    let opaque = EventToken::new("opaque");
    assert_eq!(
        (opaque.unsigned(), opaque.workflow_id(), opaque.event_id()),
        ("opaque", None, None)
    );
    // SHA-256 of "abc".
    assert_eq!(digest("abc.ff")[..4], [0xba, 0x78, 0x16, 0xbf]);
}

#[test]
fn debug_shows_no_secret() {
    for name in [
        "modern_callback",
        "event_onappinstall",
        "install_post",
        "assoc_nul_in_key",
    ] {
        let body = body(name);
        let post = read(&body).unwrap();
        let text = format!("{post:?} {post:#?}");
        for hidden in [
            "1a2b3c4d", "0a1b2c3d", "51856fef", "Zq3vT9w0", "s6p6eclr", "4s386p3q", "c1e1a466", "b160cc66",
        ] {
            assert!(!text.contains(hidden), "{name} shows {hidden}: {text}");
        }
        assert!(text.contains("[secret]"));
    }
}
