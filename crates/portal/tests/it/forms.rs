//! The encoder gives PHP's own bytes.

use portal::php::form::build;
use serde_json::Value;

/// Names with brackets or a zero byte in a key, and bodies that PHP cut: what was decoded is not what was encoded.
const NOT_WHAT_WAS_ENCODED: [&str; 6] = [
    "assoc_nul_in_key",
    "assoc_odd_keys",
    "many_vars_2500_truncated",
    "nesting_200_brackets_dropped",
    "top_level_bracket_in_key",
    "top_level_numeric_keys",
];

#[test]
fn bodies_of_php_are_rebuilt_byte_by_byte() {
    let cases = include_str!("../../../../tests/fixtures/php-forms.jsonl");
    let (mut same, mut different) = (0, Vec::new());
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["name"].as_str().unwrap();
        if case["encoding"] != "rfc1738" || NOT_WHAT_WAS_ENCODED.contains(&name) {
            continue;
        }
        let body = data_encoding::BASE64
            .decode(case["body_base64"].as_str().unwrap().as_bytes())
            .unwrap();
        let built = build(case["decoded"].as_object().unwrap());
        if built.as_bytes() == body {
            same += 1;
        } else {
            different.push(format!(
                "{name}: {}",
                first_difference(&built, &String::from_utf8_lossy(&body))
            ));
        }
    }
    assert_eq!(different, Vec::<String>::new());
    assert!(same >= 40, "only {same} cases were compared");
}

fn first_difference(ours: &str, theirs: &str) -> String {
    let at = ours
        .bytes()
        .zip(theirs.bytes())
        .position(|(a, b)| a != b)
        .unwrap_or(ours.len().min(theirs.len()));
    let part = |text: &str| {
        String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(40)..(at + 40).min(text.len())]).into_owned()
    };
    format!("ours …{}…, PHP's …{}…", part(ours), part(theirs))
}
