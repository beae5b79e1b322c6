//! Views for people.

use activity::{Key, Value};
use serde_json::{Value as Json, json};

use crate::executor::{Executor, GOOD};

#[test]
fn sensitive_and_undeclared_values_are_hidden() {
    let activity = Executor {
        request: r"string text = 1; repeated string list = 2; string token = 3 [(bizproc.v1.property) = { sensitive: true }];
            repeated string pins = 4 [(bizproc.v1.property) = { sensitive: true }];",
        response: r"string result = 1; string key = 2 [(bizproc.v1.property) = { sensitive: true }];",
        ..GOOD
    }
    .activity();
    let properties: [(&[u8], Value<'_>); 6] = [
        (b"text", Value::Text(b"plain\xff")),
        (
            b"list",
            Value::List(vec![
                (Key::Int(2), "a".into()),
                (Key::Int(5), Value::List(vec![(Key::Text(b"k"), "v".into())])),
            ]),
        ),
        (b"token", "s3cret".into()),
        (
            b"pins",
            Value::List(vec![(Key::Int(0), "s3cret".into()), (Key::Text(b"s3cret"), "x".into())]),
        ),
        (b"removed", "s3cret".into()),
        (b"TOKEN", "s3cret".into()),
    ];
    let shown = Json::Object(activity.masked(properties));
    assert_eq!(
        shown,
        json!({
            "text": "plain\u{fffd}", "list": ["a", {"k": "v"}], "token": "[hidden]", "pins": "[hidden]",
            "removed": "[hidden]", "TOKEN": "[hidden]",
        })
    );
    let values = json!({"result": "r", "key": "s3cret"});
    assert_eq!(
        Json::Object(activity.masked_answer(values.as_object().unwrap())),
        json!({"result": "r", "key": "[hidden]"})
    );
    assert!(!format!("{activity:?}").contains("s3cret"));
}
