//! Which values a batch carries unchanged.
//!
//! A command of a batch is a text that the portal reads again: its proactive filter looks at it encoded and decoded, and it
//! replaces what looks like a reference to another command's result. Measured on the server's code: over 1,200,000 texts that
//! keep to these rules nothing changed on any of its three ways.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Words that its filter may take for SQL, also as parts of words.
const WORDS: [&str; 10] = [
    "union",
    "select",
    "from",
    "alter",
    "create",
    "drop",
    "update",
    "insert",
    "into",
    "load_file",
];
/// A longer run of white space can empty the whole value.
const BLANKS: usize = 4000;
/// PHP reads so many fields of a command, and drops the rest without a word.
pub(super) const FIELDS: usize = 1000;

/// Whether a text, also a key, arrives as it is.
pub(super) fn is_safe_text(text: &str) -> bool {
    !FILTERED.is_match(text) && (text.len() < BLANKS || longest_blank(text) < BLANKS)
}

fn longest_blank(text: &str) -> usize {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let runs = text.as_bytes().split(|byte| !blank(byte));
    runs.map(<[u8]>::len).max().unwrap_or_default()
}

/// What the filter may alter, looked for in one pass.
static FILTERED: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let controls = (0..128_u8).filter(|byte| byte.is_ascii_control() && !b"\t\n\r".contains(byte));
    let bytes = controls.chain(*b"$<=:(%\\&").map(|byte| vec![byte]);
    let texts = WORDS
        .into_iter()
        .chain(["/.", "./"])
        .map(|text| text.as_bytes().to_vec());
    let patterns: Vec<Vec<u8>> = bytes.chain(texts).collect();
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(patterns)
        .expect("some short patterns")
});

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rest::Command;

    fn is_batch_safe(params: &Value) -> bool {
        Command::new("method").json("params", &params.to_string()).is_safe()
    }

    #[test]
    fn texts_that_nothing_alters_are_safe() {
        for text in [
            "",
            "5d41402abc4b2a76b9719d911017c592",
            "Привет, мир! > ) [ ] { } ; | @ ? * + , . - _ / ~ # 'x' \"y\" 😀",
            "line\r\nline\tline",
            "65808f8311b626.28237158|A51601_82584_96831_81132|hsyUws1j4XiwqPqN45eH66CcQtEvpUIP.47dd",
        ] {
            assert!(is_batch_safe(&json!({"key": text})), "{text}");
        }
        assert!(is_batch_safe(&json!({"a": ["x", "y"], "b": {"c": "d"}})));
    }

    #[test]
    fn what_the_server_may_alter_goes_alone() {
        for text in [
            "$result[a]",
            "a<b",
            "a=b",
            "10:30",
            "f(x)",
            "100%",
            "a\\b",
            "a&b",
            "/.",
            "./",
            "drop-view",
            "SELECTED",
            "a\0b",
            "a\x0bb\x01",
            "Перевод from here",
        ] {
            assert!(!is_batch_safe(&json!({"key": text})), "{text}");
            assert!(!is_batch_safe(&json!({text: "value"})), "{text} as a key");
        }
        assert!(!is_batch_safe(&json!({"key": " ".repeat(BLANKS)})));
        assert!(is_batch_safe(&json!({"key": " ".repeat(BLANKS - 1)})));
    }

    #[test]
    fn what_a_command_has_no_form_for_goes_alone() {
        for value in [
            json!(5),
            json!(0.5),
            json!(true),
            json!(null),
            json!([]),
            json!({}),
            json!(["a", 1]),
        ] {
            assert!(!is_batch_safe(&json!({"key": value})), "{value}");
        }
        for params in [json!({}), json!([]), json!(null)] {
            assert!(!is_batch_safe(&params), "{params}");
        }
        assert!(!Command::new("method").is_safe());
        for broken in ["", "{", "[\"a\"", "\"a\" \"b\""] {
            assert!(
                !Command::new("method").text("a", "b").json("params", broken).is_safe(),
                "{broken}"
            );
        }
        let many = |fields: usize| json!({"key": vec!["x"; fields]});
        assert!(is_batch_safe(&many(FIELDS)));
        assert!(!is_batch_safe(&many(FIELDS + 1)));
    }
}
