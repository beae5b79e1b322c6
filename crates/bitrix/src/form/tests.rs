use serde_json::json;

use super::{Array, FormError, Limits, Value, decode, to_json};

/// PHP's own limits.
fn php() -> Limits {
    Limits {
        pairs: 1000,
        depth: 64,
        ..Limits::default()
    }
}

fn decoded(body: impl AsRef<[u8]>) -> serde_json::Value {
    to_json(&decode(body.as_ref(), &Limits::default()).expect("within the limits"))
}

/// As text, because JSON objects compare without regard to order.
fn assert_same(name: &str, ours: &Array, phps: &serde_json::Value) {
    assert_eq!(to_json(ours).to_string(), phps.to_string(), "case {name}");
}

#[test]
fn every_recorded_form_decodes_as_php_decoded_it() {
    let cases = crate::fixtures::php_forms();
    assert!(cases.len() >= 90, "only {} cases", cases.len());
    for case in cases {
        let ours = decode(&case.body, &php());
        match &case.php_warning {
            None => assert_same(&case.name, &ours.unwrap(), &case.decoded),
            Some(warning) if warning.contains("nesting level") => {
                assert!(
                    matches!(ours, Err(FormError::TooDeep { limit: 64, .. })),
                    "case {}",
                    case.name
                );
            }
            Some(_) => assert_eq!(ours, Err(FormError::TooManyPairs { limit: 1000 }), "case {}", case.name),
        }
        if let Some((query, decoded)) = &case.query {
            assert_same(&case.name, &decode(query.as_bytes(), &php()).unwrap(), decoded);
        }
    }
}

#[test]
fn the_default_limits_take_more_pairs_but_no_more_depth() {
    for case in crate::fixtures::php_forms() {
        let Some(warning) = &case.php_warning else { continue };
        let ours = decode(&case.body, &Limits::default());
        if warning.contains("nesting level") {
            assert!(matches!(ours, Err(FormError::TooDeep { .. })), "case {}", case.name);
        } else {
            assert_eq!(
                ours.unwrap().get("v").and_then(Value::as_array).map(Array::len),
                Some(2500)
            );
        }
    }
}

/// What PHP 8.2.36 makes of bodies that no recorded case has.
#[test]
fn corners_of_php() {
    let cases = [
        (
            "a[-5]=x&a[]=y&b[-1]=x&b[]=y",
            json!({"a": {"-5": "x", "-4": "y"}, "b": {"-1": "x", "0": "y"}}),
        ),
        (
            "a[3]=x&a[]=y&a[1]=z&a[]=w",
            json!({"a": {"3": "x", "4": "y", "1": "z", "5": "w"}}),
        ),
        (
            "a[9223372036854775806]=x&a[]=y&a[]=z&a[][k]=v",
            json!({"a": {"9223372036854775806": "x", "9223372036854775807": "y"}}),
        ),
        (
            "a[9223372036854775808]=x&a[]=y",
            json!({"a": {"9223372036854775808": "x", "0": "y"}}),
        ),
        (
            "a[-9223372036854775808]=x&a[-9223372036854775808]=y",
            json!({"a": {"-9223372036854775808": "y"}}),
        ),
        (
            "__Host-a[__Host-b]=1&..Host-b=2&_[Host-c=3&_.Secure-e[x]=5",
            json!({"__Host-a": {"__Host-b": "1"}}),
        ),
        (
            "a[__Secure-b]=1&a[__Host-b][c]=2&a[ __Host-b]=3&__Host-b[__Secure-c]",
            json!({"a": {" __Host-b": "3"}, "__Host-b": {}}),
        ),
        ("a[[b]=1&a[b[]=2&a[]]=3", json!({"a": {"[b": "1", "b[": "2", "0": "3"}})),
        (
            "a[\t]=1&a[\t\t]=2&a[ x]=3",
            json!({"a": {"0": "1", "\t\t": "2", " x": "3"}}),
        ),
        ("a[][b=1&a[c.d][e.f=2", json!({"a": {"0": "1", "c.d": "2"}})),
        ("a=1&a[b][c]=2&a[b]=3&a[b][]=4", json!({"a": {"b": ["4"]}})),
        ("a%5B%5D=1&a[%5D=2", json!({"a": ["1", "2"]})),
        ("a=1\0&b=2", json!({"a": "1"})),
        ("a=x%00y&b%00[c]=2", json!({"a": "x\u{0}y", "b": "2"})),
        ("%20=1& =2&+a=3", json!({"a": "3"})),
        ("a=%e4%BD%a0%2", json!({"a": "你%2"})),
    ];
    for (body, expected) in cases {
        assert_eq!(decoded(body).to_string(), expected.to_string(), "body {body:?}");
    }
}

#[test]
fn limits_are_exact() {
    let limits = Limits {
        pairs: 2,
        depth: 2,
        bytes: 12,
    };
    assert!(decode(b"a=1&&b[c][d]", &limits).is_ok());
    assert_eq!(
        decode(b"a=1&&b[c][d]=", &limits),
        Err(FormError::TooLarge { bytes: 13, limit: 12 })
    );
    assert_eq!(decode(b"a&b&&c", &limits), Err(FormError::TooManyPairs { limit: 2 }));
    assert_eq!(
        decode(b"a[b][c][d]", &limits),
        Err(FormError::TooDeep {
            field: "a".to_owned(),
            limit: 2
        })
    );
    // PHP counts the level before it looks for the bracket's end.
    assert!(matches!(decode(b"a[b][c][d", &limits), Err(FormError::TooDeep { .. })));
}

#[test]
fn depth_has_a_ceiling_whatever_the_limit() {
    let unlimited = Limits {
        depth: usize::MAX,
        ..Limits::default()
    };
    let deep = |levels| format!("a{}=x", "[k]".repeat(levels));
    assert!(decode(deep(256).as_bytes(), &unlimited).is_ok());
    assert!(matches!(
        decode(deep(257).as_bytes(), &unlimited),
        Err(FormError::TooDeep { limit: 256, .. })
    ));
    assert!(matches!(
        decode(deep(1_000_000).as_bytes(), &unlimited),
        Err(FormError::TooDeep { .. })
    ));
}

#[test]
fn arrays_are_bounded_in_all() {
    let limits = Limits {
        pairs: 10,
        ..Limits::default()
    };
    let body = |pairs| format!("a{}=x&", "[]".repeat(20)).repeat(pairs);
    assert!(decode(body(2).as_bytes(), &limits).is_ok());
    assert_eq!(
        decode(body(3).as_bytes(), &limits),
        Err(FormError::TooManyArrays { limit: 40 })
    );
}

#[test]
fn arrays_find_their_keys_before_and_after_they_are_indexed() {
    for size in [0, 1, 15, 16, 17, 18, 1000] {
        let first = (0..size).map(|at| format!("k{at}=a{at}"));
        let again = (0..size).rev().map(|at| format!("k{at}=b{at}"));
        let body = first.chain(again).collect::<Vec<_>>().join("&");
        let form = decode(body.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(form.len(), size);
        for (at, (key, value)) in form.iter().enumerate() {
            assert_eq!(key.to_string(), format!("k{at}"));
            assert_eq!(value.as_str(), Some(Ok(format!("b{at}").as_str())));
            assert_eq!(form.get(&format!("k{at}")), Some(value));
        }
        assert_eq!(form.get("k"), None);
    }
}

#[test]
fn lists_and_integer_keys() {
    let form = decode(
        b"list[1]=b&list[0]=a&gap[0]=a&gap[2]=c&true[]=a&true[]=b",
        &Limits::default(),
    )
    .unwrap();
    let array = |name| form.get(name).and_then(Value::as_array).unwrap();
    assert!(!array("list").is_list());
    assert!(!array("gap").is_list());
    assert!(array("true").is_list());
    assert_eq!(array("true").get("1").and_then(Value::as_bytes), Some(&b"b"[..]));
    assert_eq!(array("true").get("01"), None);
    assert_eq!(array("true").get("2"), None);
    assert!(!form.is_list());
}

#[test]
fn debug_shows_the_shape_only() {
    let form = decode(b"auth[access_token]=hush&n=1", &Limits::default()).unwrap();
    assert_eq!(
        format!("{form:?}"),
        r#"{"auth": {"access_token": [4 bytes]}, "n": [1 bytes]}"#
    );
}
