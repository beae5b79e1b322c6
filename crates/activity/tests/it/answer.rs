//! The response into returned values.

use activity::{Activity, Limits, Set};
use prost::Message;
use prost_reflect::{DynamicMessage, Value as FieldValue};
use serde_json::{Value as Json, json};

use crate::executor::{Executor, GOOD};

const FIELDS: &str = r#"
    string s = 1; optional string os = 2; repeated string rs = 3;
    string day = 4 [(bizproc.v1.property) = { type: "date" }];
    int32 i32 = 5; int64 i64 = 6; uint64 u64 = 7; optional int64 oi = 8;
    double d = 9; float f = 10; bool b = 11; optional bool ob = 12;
    Kind kind = 13; optional Kind ok = 14; repeated Kind rk = 15; repeated double rd = 16;"#;

fn executor<'a>() -> Executor<'a> {
    let more = "enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; KIND_B = 7; }";
    Executor {
        request: "",
        response: FIELDS,
        more,
        ..GOOD
    }
}

fn response(activity: &Activity, fields: &[(&str, FieldValue)]) -> DynamicMessage {
    let mut message = DynamicMessage::new(activity.method().output());
    for (name, value) in fields {
        message.set_field_by_name(name, value.clone());
    }
    // As it comes over the wire.
    DynamicMessage::decode(activity.method().output(), &*message.encode_to_vec()).unwrap()
}

#[test]
fn zeros_are_sent_and_unset_optional_fields_are_not() {
    let activity = executor().activity();
    assert_eq!(
        Json::Object(activity.answer(&response(&activity, &[])).unwrap()),
        json!({
            "s": "", "rs": [], "day": "", "i32": 0, "i64": 0, "u64": 0, "d": 0.0, "f": 0.0, "b": "N", "kind": "", "rk": [], "rd": [],
        })
    );
    let zeros = [
        ("os", FieldValue::String(String::new())),
        ("oi", FieldValue::I64(0)),
        ("ob", FieldValue::Bool(false)),
        ("ok", FieldValue::EnumNumber(0)),
    ];
    let values = activity.answer(&response(&activity, &zeros)).unwrap();
    assert_eq!(
        (&values["os"], &values["oi"], &values["ob"]),
        (&json!(""), &json!(0), &json!("N"))
    );
    assert_eq!(
        values.get("ok"),
        None,
        "an optional enum that is unspecified has no value"
    );
}

#[test]
fn values_have_the_portals_spelling() {
    let activity = executor().activity();
    for (field, value, expected) in [
        ("s", FieldValue::String("Тест\r\n".to_owned()), json!("Тест\r\n")),
        ("day", FieldValue::String("24.11.2026".to_owned()), json!("24.11.2026")),
        ("i32", FieldValue::I32(-5), json!(-5)),
        ("i64", FieldValue::I64(i64::MIN), json!(i64::MIN)),
        ("u64", FieldValue::U64(i64::MAX as u64), json!(i64::MAX)),
        ("u64", FieldValue::U64(u64::MAX), json!("18446744073709551615")),
        ("d", FieldValue::F64(0.1), json!(0.1)),
        ("f", FieldValue::F32(0.1), json!(0.1)),
        ("b", FieldValue::Bool(true), json!("Y")),
        ("kind", FieldValue::EnumNumber(7), json!("b")),
        ("ok", FieldValue::EnumNumber(1), json!("a")),
        (
            "rk",
            FieldValue::List([7, 0, 1].map(FieldValue::EnumNumber).to_vec()),
            json!(["b", "a"]),
        ),
        (
            "rs",
            FieldValue::List(["", "x", ""].map(|text| FieldValue::String(text.to_owned())).to_vec()),
            json!(["", "x", ""]),
        ),
    ] {
        let values = activity.answer(&response(&activity, &[(field, value)])).unwrap();
        assert_eq!(values[field], expected, "{field}");
    }
}

#[test]
fn what_the_portal_has_no_form_for_is_an_error() {
    let activity = executor().activity();
    for (field, value, text) in [
        ("d", FieldValue::F64(f64::NAN), "not finite"),
        ("d", FieldValue::F64(f64::INFINITY), "not finite"),
        ("f", FieldValue::F32(f32::NEG_INFINITY), "not finite"),
        ("rd", FieldValue::List(vec![FieldValue::F64(f64::NAN)]), "not finite"),
        ("kind", FieldValue::EnumNumber(2), "2, which is no option"),
        (
            "rk",
            FieldValue::List(vec![FieldValue::EnumNumber(9)]),
            "9, which is no option",
        ),
    ] {
        let error = activity.answer(&response(&activity, &[(field, value)])).unwrap_err();
        assert_eq!(error.property(), field);
        assert!(error.to_string().contains(text), "{error}");
    }
    let other = Executor {
        response: "int32 s = 1;",
        ..GOOD
    }
    .activity();
    let error = activity
        .answer(&response(&other, &[("s", FieldValue::I32(5))]))
        .unwrap_err();
    assert!(error.to_string().contains("another type"), "{error}");
}

#[test]
fn an_answer_is_bounded() {
    let descriptors = executor().descriptors();
    let set = Set::read(
        &descriptors,
        &Limits {
            answer_bytes: 1_000,
            ..Limits::default()
        },
    )
    .unwrap();
    let activity = set.find("do").unwrap();
    let of_length = |length| response(activity, &[("s", FieldValue::String("x".repeat(length)))]);
    assert!(activity.answer(&of_length(800)).is_ok());
    let error = activity.answer(&of_length(1_000)).unwrap_err();
    assert_eq!(error.to_string(), "the executor's answer is larger than 1000 bytes");
    let many = FieldValue::List(vec![FieldValue::String(String::new()); 400]);
    assert!(
        activity.answer(&response(activity, &[("rs", many)])).is_err(),
        "empty texts take room, too"
    );
}

#[test]
fn business_errors() {
    let plain = GOOD.activity();
    assert_eq!(Json::Object(plain.error_answer("NOT_FOUND", "no such deal")), json!({}));
    let activity = format!("{} error_output: {{ message_key: \"why\" }}", GOOD.activity);
    let activity = Executor {
        activity: &activity,
        ..GOOD
    }
    .activity();
    assert_eq!(
        Json::Object(activity.error_answer("NOT_FOUND", "no such deal")),
        json!({"errorCode": "NOT_FOUND", "why": "no such deal"})
    );
    let values = activity
        .answer(&response(&activity, &[("result", FieldValue::String("r".to_owned()))]))
        .unwrap();
    assert_eq!(Json::Object(values), json!({"result": "r", "errorCode": "", "why": ""}));
}

#[test]
fn the_answer_is_what_generated_code_returned() {
    let set = Set::read(proto::DESCRIPTORS, &Limits::default()).unwrap();
    let digest = set.find("digest").unwrap();
    let returned = proto::hasher::v1::DigestResponse {
        digests: vec!["900150983cd24fb0d6963f7d28e17f72".to_owned()],
    };
    let message = DynamicMessage::decode(digest.method().output(), &*returned.encode_to_vec()).unwrap();
    assert_eq!(
        Json::Object(digest.answer(&message).unwrap()),
        json!({"digests": ["900150983cd24fb0d6963f7d28e17f72"], "errorCode": "", "errorMessage": ""})
    );
}
