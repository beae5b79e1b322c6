//! SQL: pairs of keywords with anything between them are split, the first keyword in any case.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{
    rule::{After, Before, Rule, pattern},
    until_stable,
};

/// What the server takes for white space between two words: control characters and punctuation, digits, the letter d, comments.
const SPACE: &str = r#"(?:[\x00-\x20()'"`*@+\-.~d!0-9{}]|/\*.*?\*/|/\*M?!\d*|\*/|#[^\n]*\n+)+"#;
/// The same characters and `/`, once: where a second keyword may begin.
const EDGE: &str = r#"[\x00-\x20()'"`*@+\-.~d!0-9{}/]"#;
/// What can be altered, created or dropped.
const OBJECT: &str = "(database|table|function|procedure|server|event|view|index)";

/// A text without one of these pairs is left alone.
static SUSPICIOUS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        "union.+?select|select.+?from|from.+?(?:where|limit)|update.+?set|insert.+?(?:value|set|select|into)|into.+?(?:outfile|dumpfile)",
        "|load_file|(?:alter|create|drop).+?(?:database|table|function|procedure|server|event|view|index)",
    ))
});

/// A text of this form passes for base64.
static BASE64: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A[0-9a-z+/]+={0,3}\n?\z"));

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let any = format!("{SPACE}.+?{EDGE}");
    let around = format!("{SPACE}.+?{SPACE}");
    let pair = |left: &str, middle: &str, between: &str, next: &str, end: &str| {
        format!("({left})({middle}{between}{next})({end})")
    };
    let object = |left: &str, right: &str| format!("({left})({right})({SPACE}){OBJECT}");
    let words = [
        pair("uni", "on", &any, "sel", "ect"),
        pair("uni", "on", SPACE, "sel", "ect"),
        pair("sel", "ect", &any, "fr", "om"),
        pair("sel", "ect", SPACE, "fr", "om"),
        pair("fr", "om", &any, "wh", "ere"),
        object("alt", "er"),
        object("cre", "ate"),
        object("dr", "op"),
        pair("upd", "ate", &any, "se", "t"),
        pair("ins", "ert", &any, "val", "ue"),
        pair("ins", "ert", &any, "se", "t"),
        pair("i", "nto", SPACE, "out", "file"),
        pair("i", "nto", SPACE, "dump", "file"),
        pair("ins", "ert", &around, "sele", "ct"),
        pair("ins", "ert", SPACE, "in", "to"),
        pair("ins", "ert", &around, "in", "to"),
    ];
    // A keyword begins after no word, or inside a comment that only the database reads; it ends where no letter or `_` follows.
    let rule = |body: &str, end: &str| {
        let search = pattern(&format!(r"(?:/\*M?!\d+?)?{body}{end}"));
        Rule::new(search, " ", Before::WordOrDot, After::Anything)
    };
    let end = r"(?:[^a-z_]|\z)";
    let mut rules: Vec<Rule> = words.iter().map(|words| rule(words, end)).collect();
    rules.push(rule(r"(load_)(file[\x00-\x20]*\()", ""));
    rules.push(rule(&pair("fr", "om", &any, "lim", "it"), end));
    rules
});

pub(super) fn audit(text: &[u8]) -> Option<Vec<u8>> {
    if BASE64.is_match(text) || !SUSPICIOUS.is_match(text) {
        return None;
    }
    until_stable(text, |text| RULES.iter().fold(text, |text, rule| rule.apply(&text)))
}
