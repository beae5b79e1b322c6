//! Properties that hold for any input.

use activity::{Activity, Key, Limits, Set, Value};
use proptest::prelude::*;
use prost_reflect::{DynamicMessage, Value as FieldValue};

use crate::executor::{Executor, GOOD, culture};

/// Damage to bytes: at a place, cut, replace or insert.
#[derive(Debug, Clone)]
enum Damage {
    Cut(prop::sample::Index),
    Replace(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        1 => index().prop_map(Damage::Cut),
        8 => (index(), any::<u8>()).prop_map(|(index, byte)| Damage::Replace(index, byte)),
        8 => (index(), 0..8_u8).prop_map(|(index, bit)| Damage::Flip(index, 1 << bit)),
        2 => (index(), prop::collection::vec(any::<u8>(), 1..8)).prop_map(|(index, bytes)| Damage::Insert(index, bytes)),
        2 => (index(), 1..16_usize).prop_map(|(index, length)| Damage::Remove(index, length)),
        2 => (index(), 1..64_usize).prop_map(|(index, length)| Damage::Repeat(index, length)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let end = |start: usize, length: usize| (start + length).min(bytes.len());
        match self {
            Damage::Cut(index) => bytes.truncate(index.index(bytes.len())),
            Damage::Replace(index, byte) => *index.get_mut(bytes) = *byte,
            Damage::Flip(index, bit) => *index.get_mut(bytes) ^= bit,
            Damage::Insert(index, new) => {
                let at = index.index(bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }
            Damage::Remove(index, length) => {
                let start = index.index(bytes.len());
                bytes.drain(start..end(start, *length));
            }
            Damage::Repeat(index, length) => {
                let start = index.index(bytes.len());
                bytes.extend_from_within(start..end(start, *length));
            }
        }
    }
}

/// A set that uses everything.
fn rich() -> Vec<u8> {
    Executor {
        activity: r#"code: "do" robot_code: "r" name: { key: "en" value: "Do" } error_output: {} attempt_timeout: { seconds: 1 }
            filter: { include: { distribution: "b24" } exclude: { document: { module: "crm" } } }"#,
        ..typed()
    }
    .descriptors()
}

fn typed<'a>() -> Executor<'a> {
    Executor {
        request: r#"optional int32 i = 1; optional uint64 u = 2; optional double d = 3; optional float f = 4; optional bool b = 5;
            Kind kind = 6; optional string s = 7 [(bizproc.v1.property) = { default: "{=Document:NAME}" required: true }];
            repeated string list = 8; repeated sint64 numbers = 9; repeated Kind kinds = 10;"#,
        response: r#"optional int32 i2 = 1 [(bizproc.v1.property) = { key: "iOut" }]; repeated string o = 2; Kind k2 = 3; Nested.Inner k3 = 4;"#,
        more: r#"enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1 [(bizproc.v1.option) = { key: "a" title: "A" }]; KIND_B = -7; }
            message Nested { enum Inner { INNER_UNSPECIFIED = 0; INNER_X = 1; } oneof one { string a = 1; } map<string, Kind> m = 2; }"#,
        ..GOOD
    }
}

fn value() -> impl Strategy<Value = Owned> {
    let text = prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..12),
        "-?[0-9]{1,21}(\\.[0-9]{1,4})?(E[+-][0-9]{1,3})?".prop_map(String::into_bytes),
    ]
    .prop_map(Owned::Text);
    text.prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof![
            any::<i64>().prop_map(Ok),
            prop::collection::vec(any::<u8>(), 0..4).prop_map(Err)
        ];
        prop::collection::vec((key, inner), 0..4).prop_map(Owned::List)
    })
}

#[derive(Debug, Clone)]
enum Owned {
    Text(Vec<u8>),
    List(Vec<(Result<i64, Vec<u8>>, Owned)>),
}

impl<'a> Owned {
    fn borrow(&'a self) -> Value<'a> {
        match self {
            Owned::Text(text) => Value::Text(text),
            Owned::List(items) => {
                let key = |key: &'a Result<i64, Vec<u8>>| {
                    key.as_ref()
                        .map_or_else(|text| Key::Text(text), |index| Key::Int(*index))
                };
                Value::List(items.iter().map(|(name, item)| (key(name), item.borrow())).collect())
            }
        }
    }
}

fn request(activity: &Activity, key: &str, value: Value<'_>) -> Option<FieldValue> {
    let message = activity.request([(key.as_bytes(), value)], &culture()).unwrap();
    let field = activity
        .method()
        .input()
        .fields()
        .find(|field| field.json_name() == key)
        .unwrap();
    message
        .has_field(&field)
        .then(|| message.get_field(&field).into_owned())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_descriptors_never_panic(damages in prop::collection::vec(damage(), 1..4)) {
        thread_local!(static RICH: Vec<u8> = rich());
        let mut bytes = RICH.with(Clone::clone);
        for damage in &damages {
            damage.apply(&mut bytes);
        }
        if let Ok(set) = Set::read(&bytes, &Limits::default()) {
            let again = Set::read(set.descriptors(), &Limits::default()).unwrap();
            prop_assert_eq!(again.revision(), set.revision());
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(Set::read(&bytes, &Limits::default()));
    }

    #[test]
    fn any_values_never_panic(key in 0..10_usize, value in value()) {
        thread_local!(static ACTIVITY: Activity = typed().activity());
        let keys = ["i", "u", "d", "f", "b", "kind", "s", "list", "numbers", "kinds"];
        ACTIVITY.with(|activity| {
            drop(activity.request([(keys[key].as_bytes(), value.borrow())], &culture()));
            drop(activity.masked([(keys[key].as_bytes(), value.borrow())]));
        });
    }

    #[test]
    fn values_survive_the_way_through_a_message(i in any::<i32>(), u in any::<u64>(), d in any::<f64>(), s in any::<String>(), list in prop::collection::vec(any::<String>(), 1..5)) {
        thread_local!(static ACTIVITY: Activity = typed().activity());
        ACTIVITY.with(|activity| {
            assert_eq!(request(activity, "i", (&*i.to_string()).into()), Some(FieldValue::I32(i)));
            assert_eq!(request(activity, "u", (&*u.to_string()).into()), Some(FieldValue::U64(u)));
            if d.is_finite() {
                assert_eq!(request(activity, "d", (&*d.to_string()).into()), Some(FieldValue::F64(d)));
                assert_eq!(request(activity, "d", (&*format!("{d:E}")).into()), Some(FieldValue::F64(d)));
            }
            assert_eq!(request(activity, "s", (&*s).into()), Some(FieldValue::String(s.clone())));
            let items = list.iter().zip(0..).map(|(text, index)| (Key::Int(index * 2), (&**text).into())).collect();
            let expected = list.iter().cloned().map(FieldValue::String).collect();
            assert_eq!(request(activity, "list", Value::List(items)), Some(FieldValue::List(expected)));
        });
    }

    #[test]
    fn answers_keep_their_values(i in any::<i32>(), list in prop::collection::vec(any::<String>(), 0..5)) {
        thread_local!(static ACTIVITY: Activity = typed().activity());
        ACTIVITY.with(|activity| {
            let mut response = DynamicMessage::new(activity.method().output());
            response.set_field_by_name("i2", FieldValue::I32(i));
            response.set_field_by_name("o", FieldValue::List(list.iter().cloned().map(FieldValue::String).collect()));
            let values = activity.answer(&response).unwrap();
            assert_eq!(values["iOut"], i);
            assert_eq!(values["o"], serde_json::json!(list));
        });
    }
}
