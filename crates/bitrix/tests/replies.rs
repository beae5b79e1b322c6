//! Properties of replies over generated bodies: a server may answer anything.

use bitrix::rest::{check_reply, codes, decode_batch, decode_reply};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// JSON with the names that mean something in a reply, at any place and of any type.
fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("expired_token".to_owned()),
        Just("423".to_owned()),
        Just(String::new()),
        ".{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let name = proptest::sample::select(vec![
        "result",
        "error",
        "error_description",
        "time",
        "start",
        "finish",
        "duration",
        "next",
        "total",
        "result_error",
        "result_time",
        "c0",
        "c1",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((name.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect::<Map<_, _>>(),
                )
            }),
        ]
    })
}

/// The body of a reply: JSON, JSON cut short, or anything.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => json().prop_map(|json| json.to_string().into_bytes()),
        1 => (json(), any::<proptest::sample::Index>()).prop_map(|(json, at)| {
            let text = json.to_string().into_bytes();
            text[..at.index(text.len())].to_vec()
        }),
        1 => vec(any::<u8>(), 0..600),
    ]
}

proptest! {
    #[test]
    fn any_reply_is_a_result_or_an_error(
        status in 100..600_u16,
        body in body(),
        headers in vec(vec(any::<u8>(), 0..20), 2),
    ) {
        let names = [header::RETRY_AFTER, header::LOCATION];
        let values = headers.iter().map(|value| HeaderValue::from_bytes(value));
        let headers: HeaderMap = names.into_iter().zip(values).filter_map(|(name, value)| Some((name, value.ok()?))).collect();
        let status = StatusCode::from_u16(status).unwrap();
        let sent = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let decoded = decode_reply(status, &headers, &body);
        let time = decoded.clone().map(|reply| reply.time);
        prop_assert_eq!(check_reply(status, &headers, &body), time);
        match decoded {
            Ok(reply) => {
                prop_assert!(status.is_success());
                prop_assert_eq!(Some(&reply.result), sent.get("result"));
                prop_assert!(sent.get("error").is_none_or(Value::is_null));
                drop(codes(&reply));
            }
            Err(error) => {
                prop_assert_eq!(error.status, Some(status.as_u16()));
                prop_assert!(error.to_string().chars().count() < 2000, "{}", error);
                let _ = error.retry();
                let told = sent.get("error").is_some_and(|error| !error.is_null());
                prop_assert!(told || !status.is_success() || sent.get("result").is_none(), "{}", error);
            }
        }
    }

    /// Also one that is not as usual, which is read another way.
    #[test]
    fn a_batch_answers_each_command(result in json(), time in json(), commands in 0..4_usize) {
        let body = serde_json::json!({"result": result, "time": time}).to_string();
        // A number may be read as its neighbour.
        let sent: Value = serde_json::from_str(&body).unwrap();
        let decoded = |body: &str| decode_batch(StatusCode::OK, &HeaderMap::new(), body.as_bytes(), commands).unwrap();
        let reply = decoded(&body);
        prop_assert_eq!(&reply, &decoded(&format!("\u{feff}{body}")));
        prop_assert_eq!((reply.results.len(), reply.times.len()), (commands, commands));
        for (at, command) in reply.results.iter().enumerate() {
            let member = |map| sent["result"].get(map).and_then(|map| map.get(format!("c{at}")));
            match command {
                Ok(value) => prop_assert!(member("result") == Some(value) && member("result_error").is_none()),
                Err(error) => prop_assert!(member("result_error").is_some() || member("result").is_none(), "{}", error),
            }
        }
    }
}
