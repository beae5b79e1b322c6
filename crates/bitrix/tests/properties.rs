//! Properties of forms and posts over generated bodies.

use std::collections::HashSet;

use bitrix::form::{Array, Limits, Value, decode, to_json};
use bitrix::post::{Post, classify};
use proptest::collection::vec;
use proptest::prelude::*;

/// A tree of fields, keys as spelled in a form.
#[derive(Clone, Debug)]
enum Tree {
    Text(Vec<u8>),
    Map(Vec<(Vec<u8>, Tree)>),
}

/// Bodies full of what means something in a form.
fn nasty_body() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        4 => proptest::sample::select(vec![
            "&", "=", "[", "]", "[]", "[0]", "[k]", "[-1]", "[9223372036854775807]", "%", "%5B", "%5d", "%00", "%ff", "+",
            ".", " ", "a", "\0", "event", "event_token", "code", "workflow_id", "properties", "auth", "AUTH_ID",
            "document_id", "[member_id]", "=%e2%82", "&a[][k]=1", "&auth[access_token]=t",
        ])
        .prop_map(|token| token.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

/// Nested keys: `http_build_query` doesn't protect `]`, PHP cuts at NUL and reads one white-space character as `[]`.
fn nested_key() -> impl Strategy<Value = Vec<u8>> {
    let integers = any::<i64>().prop_map(|int| int.to_string().into_bytes());
    let bytes = vec(
        any::<u8>().prop_filter("cut or closed", |byte| !b"]\0".contains(byte)),
        1..8,
    )
    .prop_filter("an append", |key| {
        !(key.len() == 1 && key[0].is_ascii_whitespace()) && key[0] != 0x0b
    });
    prop_oneof![integers, (0..20_u8).prop_map(|int| int.to_string().into_bytes()), bytes]
        .prop_filter("dropped by PHP", |key| !key.starts_with(b"__"))
}

/// Top-level names moreover lose dots, blanks and brackets.
fn top_key() -> impl Strategy<Value = Vec<u8>> {
    nested_key().prop_filter("mangled", |key| !key.iter().any(|byte| b" .[".contains(byte)))
}

fn unique(members: Vec<(Vec<u8>, Tree)>) -> Vec<(Vec<u8>, Tree)> {
    let mut seen = HashSet::new();
    members
        .into_iter()
        .filter(|(key, _)| seen.insert(key.clone()))
        .collect()
}

fn tree() -> impl Strategy<Value = Vec<(Vec<u8>, Tree)>> {
    let leaf = vec(any::<u8>(), 0..12).prop_map(Tree::Text);
    let node = leaf.prop_recursive(5, 60, 20, |inner| {
        // An empty map vanishes on the wire.
        vec((nested_key(), inner), 1..20).prop_map(|members| Tree::Map(unique(members)))
    });
    vec((top_key(), node), 0..25).prop_map(unique)
}

/// PHP's `http_build_query`, with `%20` instead of `+` when `raw`.
fn encode(tree: &[(Vec<u8>, Tree)], raw: bool) -> String {
    let mut body = String::new();
    for (key, value) in tree {
        encode_member(&percent(key, raw), value, raw, &mut body);
    }
    body
}

fn encode_member(name: &str, value: &Tree, raw: bool, body: &mut String) {
    match value {
        Tree::Text(text) => {
            let separator = if body.is_empty() { "" } else { "&" };
            *body += &[separator, name, "=", &percent(text, raw)].concat();
        }
        Tree::Map(members) => {
            for (key, value) in members {
                encode_member(&format!("{name}%5B{}%5D", percent(key, raw)), value, raw, body);
            }
        }
    }
}

fn percent(bytes: &[u8], raw: bool) -> String {
    let encoded = bytes.iter().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(*byte).to_string(),
        b' ' if !raw => "+".to_owned(),
        b'~' if raw => "~".to_owned(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect::<Vec<_>>().concat()
}

fn assert_equal(array: &Array, tree: &[(Vec<u8>, Tree)]) {
    assert_eq!(array.len(), tree.len());
    for ((key, value), (expected_key, expected)) in array.iter().zip(tree) {
        assert_eq!(
            key.as_bytes()
                .map_or_else(|| key.to_string().into_bytes(), <[u8]>::to_vec),
            *expected_key
        );
        match (value, expected) {
            (Value::Text(text), Tree::Text(expected)) => assert_eq!(text[..], expected[..]),
            (Value::Array(array), Tree::Map(members)) => assert_equal(array, members),
            _ => panic!("{value:?} instead of {expected:?}"),
        }
        if let Ok(key) = str::from_utf8(expected_key) {
            assert_eq!(array.get(key), Some(value));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_decode_or_are_refused(body in prop_oneof![nasty_body(), vec(any::<u8>(), 0..200)]) {
        let limits = Limits { pairs: 20, depth: 5, bytes: 400 };
        if let Ok(form) = decode(&body, &limits) {
            to_json(&form);
            let _ = format!("{form:?}");
        }
        prop_assert!(decode(&body, &Limits::default()).is_ok());
    }

    #[test]
    fn any_post_is_classified_or_refused(body in nasty_body(), query in proptest::option::of(".{0,40}")) {
        match classify(&body, query.as_deref(), &Limits::default()) {
            Ok(Post::Callback(callback)) => {
                prop_assert!(!callback.event_token.expose().is_empty());
                prop_assert!(callback.event_token.expose().starts_with(callback.event_token.unsigned()));
            }
            Ok(Post::Event(event)) => prop_assert!(!event.event.is_empty()),
            Ok(Post::Frame(_)) => {}
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn what_php_encodes_comes_back_in_order(tree in tree(), raw in any::<bool>()) {
        let form = decode(encode(&tree, raw).as_bytes(), &Limits::default()).unwrap();
        assert_equal(&form, &tree);
    }

    #[test]
    fn properties_reach_the_callback_unchanged(properties in vec((nested_key(), vec(any::<u8>(), 0..12)), 0..30)) {
        let properties = unique(properties.into_iter().map(|(key, text)| (key, Tree::Text(text))).collect());
        let fields = [("event_token", "w.1|A|e.ab"), ("workflow_id", "w.1"), ("code", "c")];
        let mut tree: Vec<_> =
            fields.map(|(name, text)| (name.as_bytes().to_vec(), Tree::Text(text.as_bytes().to_vec()))).into();
        tree.insert(1, (b"properties".to_vec(), Tree::Map(properties.clone())));
        let post = classify(encode(&tree, false).as_bytes(), None, &Limits::default());
        let Ok(Post::Callback(callback)) = post else { panic!("no callback: {post:?}") };
        assert_equal(&callback.properties, &properties);
    }
}
