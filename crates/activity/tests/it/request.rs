//! Values of a callback into the request.

use activity::{Activity, Key, Limits, Set, Value};
use prost_reflect::{DynamicMessage, Value as FieldValue};

use crate::executor::{Executor, GOOD, culture};

const FIELDS: &str = r#"
    string s = 1; optional string os = 2; repeated string rs = 3;
    string long = 4 [(bizproc.v1.property) = { type: "text" }];
    string day = 5 [(bizproc.v1.property) = { type: "date" }];
    optional string moment = 6 [(bizproc.v1.property) = { type: "datetime" }];
    repeated string users = 7 [(bizproc.v1.property) = { type: "user" }];
    optional int32 i32 = 8; optional sint64 i64 = 9; optional fixed32 u32 = 10; optional uint64 u64 = 11; repeated int32 ri = 12;
    optional double d = 13; optional float f = 14; optional bool b = 15; repeated bool rb = 16;
    Kind kind = 17; optional Kind maybe_kind = 18; repeated Kind kinds = 19;
    optional int32 pin = 20 [(bizproc.v1.property) = { sensitive: true }];
    Kind secret_kind = 21 [(bizproc.v1.property) = { sensitive: true }];
    string password = 22 [(bizproc.v1.property) = { sensitive: true }];"#;

fn activity() -> Activity {
    let more = "enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; KIND_B = 7; }";
    Executor {
        request: FIELDS,
        response: "",
        more,
        ..GOOD
    }
    .activity()
}

fn list<'a>(items: &[(i64, &'a str)]) -> Value<'a> {
    Value::List(
        items
            .iter()
            .map(|&(index, text)| (Key::Int(index), text.into()))
            .collect(),
    )
}

/// The fields that are on the wire, by name.
fn fields(message: &DynamicMessage) -> Vec<(String, FieldValue)> {
    message
        .fields()
        .map(|(field, value)| (field.name().to_owned(), value.clone()))
        .collect()
}

fn map(key: &str, value: Value<'_>) -> Result<Option<FieldValue>, String> {
    let message = activity()
        .request([(key.as_bytes(), value)], &culture())
        .map_err(|error| error.to_string())?;
    let mut fields = fields(&message);
    assert!(fields.len() <= 1, "{fields:?}");
    Ok(fields.pop().map(|(_, value)| value))
}

fn text(value: &str) -> FieldValue {
    FieldValue::String(value.to_owned())
}

#[test]
fn texts_are_carried_unchanged() {
    for value in [" x\r\n\t", "Тест 🙂", "{=Document:NAME}", "0", "properties[x]=1"] {
        assert_eq!(map("s", value.into()), Ok(Some(text(value))));
        assert_eq!(map("long", value.into()), Ok(Some(text(value))));
        assert_eq!(map("day", value.into()), Ok(Some(text(value))));
    }
    assert_eq!(
        map("moment", "24.11.2026 10:00:00 [10800]".into()),
        Ok(Some(text("24.11.2026 10:00:00 [10800]")))
    );
}

#[test]
fn an_untouched_property_is_absent_but_a_string_keeps_its_empty_text() {
    for key in [
        "i32",
        "i64",
        "u32",
        "u64",
        "d",
        "f",
        "b",
        "kind",
        "maybeKind",
        "day",
        "moment",
        "rs",
        "users",
        "ri",
        "rb",
        "kinds",
    ] {
        assert_eq!(map(key, "".into()), Ok(None), "{key}");
    }
    assert_eq!(map("os", "".into()), Ok(Some(text(""))));
    // Without presence an empty text is what absent reads as.
    assert_eq!(map("s", "".into()), Ok(None));
    assert_eq!(fields(&activity().request([], &culture()).unwrap()), []);
}

#[test]
fn single_values() {
    for (key, value, expected) in [
        ("i32", "0", FieldValue::I32(0)),
        ("i32", "-2147483648", FieldValue::I32(i32::MIN)),
        ("i64", "9223372036854775807", FieldValue::I64(i64::MAX)),
        ("u32", "4294967295", FieldValue::U32(u32::MAX)),
        ("u64", "18446744073709551615", FieldValue::U64(u64::MAX)),
        ("u64", "1.0E+15", FieldValue::U64(1_000_000_000_000_000)),
        ("i32", "5.0", FieldValue::I32(5)),
        ("d", "0.33333333333333", FieldValue::F64(0.333_333_333_333_33)),
        ("d", "1.0E+20", FieldValue::F64(1e20)),
        ("d", "0", FieldValue::F64(0.0)),
        ("f", "-2.5", FieldValue::F32(-2.5)),
        ("b", "Y", FieldValue::Bool(true)),
        ("b", "1", FieldValue::Bool(true)),
        ("b", "N", FieldValue::Bool(false)),
        ("b", "0", FieldValue::Bool(false)),
        ("b", "n", FieldValue::Bool(false)),
        ("kind", "a", FieldValue::EnumNumber(1)),
        ("maybeKind", "b", FieldValue::EnumNumber(7)),
    ] {
        assert_eq!(map(key, value.into()), Ok(Some(expected.clone())), "{key} {value}");
        assert_eq!(map(key, list(&[(3, value)])), Ok(Some(expected)), "{key} [{value}]");
    }
}

#[test]
fn lists_close_their_gaps_and_keep_their_order() {
    let texts = |values: &[&str]| Ok(Some(FieldValue::List(values.iter().map(|value| text(value)).collect())));
    assert_eq!(
        map("rs", list(&[(5, "y"), (2, "x"), (9, "z")])),
        texts(&["y", "x", "z"])
    );
    assert_eq!(map("rs", list(&[(0, ""), (1, "a"), (2, "")])), texts(&["", "a", ""]));
    assert_eq!(
        map("users", list(&[(0, "user_5"), (1, ""), (3, "group_hr3")])),
        texts(&["user_5", "group_hr3"])
    );
    let numbers = |values: &[i32]| {
        Ok(Some(FieldValue::List(
            values.iter().copied().map(FieldValue::I32).collect(),
        )))
    };
    assert_eq!(map("ri", list(&[(0, "3"), (1, ""), (2, "1")])), numbers(&[3, 1]));
    assert_eq!(
        map("rb", list(&[(0, "Y"), (1, "N"), (2, "")])),
        Ok(Some(FieldValue::List(vec![
            FieldValue::Bool(true),
            FieldValue::Bool(false)
        ])))
    );
    assert_eq!(
        map("kinds", list(&[(0, "b"), (1, ""), (2, "a")])),
        Ok(Some(FieldValue::List(vec![
            FieldValue::EnumNumber(7),
            FieldValue::EnumNumber(1)
        ])))
    );
    // Only gaps: empty, which is not on the wire.
    assert_eq!(map("ri", list(&[(0, "")])), Ok(None));
}

#[test]
fn a_scalar_for_a_list_and_a_list_of_one_for_a_scalar_are_taken() {
    assert_eq!(map("rs", "a".into()), Ok(Some(FieldValue::List(vec![text("a")]))));
    assert_eq!(
        map("ri", "17".into()),
        Ok(Some(FieldValue::List(vec![FieldValue::I32(17)])))
    );
    assert_eq!(map("s", list(&[(1, "a")])), Ok(Some(text("a"))));
    assert_eq!(map("os", list(&[(0, "")])), Ok(Some(text(""))));
    assert_eq!(map("i32", list(&[(0, "")])), Ok(None));
    assert_eq!(map("i32", list(&[])), Ok(None));
}

#[test]
fn anything_else_is_an_error_that_names_property_and_value() {
    let nested = Value::List(vec![(Key::Int(0), list(&[(0, "a")]))]);
    let keyed = Value::List(vec![(Key::Text(b"k"), "v".into())]);
    let long = "9".repeat(500);
    for (key, value, texts) in [
        ("i32", "abc".into(), &["i32", "\"abc\" is not a whole number"][..]),
        ("i32", "5.5".into(), &["i32", "\"5.5\" is not a whole number"]),
        (
            "i32",
            "2147483648".into(),
            &["i32", "\"2147483648\" is not between -2147483648 and 2147483647"],
        ),
        ("u32", "-1".into(), &["\"-1\" is not between 0 and 4294967295"]),
        (
            "i64",
            "1E+20".into(),
            &["\"1E+20\" is not between -9223372036854775808"],
        ),
        (
            "i64",
            "1.2345678901235E+15".into(),
            &["\"1.2345678901235E+15\"", "rounded"],
        ),
        (
            "ri",
            list(&[(0, "1"), (1, "x")]),
            &["property ri: \"x\" is not a whole number"],
        ),
        ("d", "1,5".into(), &["property d: \"1,5\" is not a number"]),
        ("d", "NAN".into(), &["\"NAN\" is not a number"]),
        ("f", "1e39".into(), &["\"1e39\" is too large"]),
        ("b", "maybe".into(), &["\"maybe\" is neither `Y` nor `N`"]),
        ("kind", "c".into(), &["property kind: \"c\" is not one of: a, b"]),
        ("kind", "A".into(), &["\"A\" is not one of: a, b"]),
        (
            "kinds",
            list(&[(0, "a"), (1, "unspecified")]),
            &["\"unspecified\" is not one of: a, b"],
        ),
        (
            "s",
            list(&[(0, "a"), (1, "b")]),
            &["property s: has 2 values, but it takes one"],
        ),
        ("s", nested.clone(), &["list inside a list"]),
        ("rs", nested, &["property rs: has a list inside a list"]),
        ("rs", keyed.clone(), &["map (with the key \"k\")", "a list"]),
        ("s", keyed, &["map (with the key \"k\")", "one value"]),
        (
            "s",
            Value::Text(b"ab\xff"),
            &["property s: \"ab\u{fffd}\" is not valid UTF-8"],
        ),
        (
            "rs",
            Value::List(vec![(Key::Int(0), Value::Text(b"\xff"))]),
            &["is not valid UTF-8"],
        ),
        ("i32", Value::Text(b"\xff"), &["is not valid UTF-8"]),
        ("kind", Value::Text(b"\xff"), &["is not valid UTF-8"]),
        ("i32", (&*long).into(), &["\"…", "is not between"]),
    ] {
        let error = activity()
            .request([(key.as_bytes(), value.clone())], &culture())
            .expect_err(key);
        assert_eq!(error.property(), key);
        for part in texts {
            assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
        }
        assert!(error.to_string().len() < 300, "{error}");
    }
}

#[test]
fn a_sensitive_value_is_in_no_error() {
    let secret = "s3cret";
    for (key, value) in [
        ("pin", secret.into()),
        ("pin", list(&[(0, secret), (1, "2")])),
        ("pin", Value::List(vec![(Key::Text(secret.as_bytes()), "1".into())])),
        ("secretKind", secret.into()),
        ("password", Value::Text(b"s3cret\xff")),
    ] {
        let error = activity()
            .request([(key.as_bytes(), value)], &culture())
            .expect_err(key);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(key) && !shown.contains(secret), "{shown}");
    }
}

#[test]
fn undeclared_properties_are_ignored() {
    let values = [("unknown", "x"), ("s", "a"), ("S", "b"), ("maybe_kind", "a")];
    let message = activity()
        .request(values.map(|(key, value)| (key.as_bytes(), value.into())), &culture())
        .unwrap();
    assert_eq!(fields(&message), [("s".to_owned(), text("a"))]);
}

#[test]
fn the_request_is_what_generated_code_reads() {
    use prost::Message;
    let set = Set::read(proto::DESCRIPTORS, &Limits::default()).unwrap();
    let digest = set.find("digest").unwrap();
    let values = [
        ("input", list(&[(0, "a"), (1, "b")])),
        ("algorithm", "crc32".into()),
        ("encoding", "".into()),
    ];
    let message = digest
        .request(values.map(|(key, value)| (key.as_bytes(), value)), &culture())
        .unwrap();
    let request = proto::hasher::v1::DigestRequest::decode(&*message.encode_to_vec()).unwrap();
    assert_eq!(request.input, ["a", "b"]);
    assert_eq!(request.algorithm(), proto::hasher::v1::Algorithm::Crc32);
    assert_eq!(request.encoding(), proto::hasher::v1::Encoding::Unspecified);
}
