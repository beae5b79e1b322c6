//! Rules for the option of a method.

use super::{NAME, assert_problem};
use crate::executor::{Executor, GOOD, METHOD};

#[test]
fn codes_and_names() {
    let long = "x".repeat(129);
    let long = format!(r#"code: "{long}" {NAME}"#);
    for (activity, texts) in [
        (NAME, &["without a code", "`robot_code`"][..]),
        (
            r#"code: "a b" name: { key: "en" value: "Do" }"#,
            &["\"a b\"", "letters, digits"],
        ),
        (
            r#"robot_code: "код" name: { key: "en" value: "Do" }"#,
            &["код", "letters, digits"],
        ),
        (&long, &["129 characters", "128"]),
        (
            r#"code: "do" robot_code: "do" name: { key: "en" value: "Do" }"#,
            &["\"do\"", METHOD, "one space of codes"],
        ),
        (r#"code: "do""#, &["has no name", "`en`"]),
        (
            r#"code: "do" name: { key: "ru" value: "Сделай" }"#,
            &["the name has no `en`"],
        ),
        (
            r#"code: "do" name: { key: "en" value: " " }"#,
            &["the name is empty for `en`"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } name: { key: "EN" value: "Do" }"#,
            &["\"EN\"", "lower-case"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } name: { key: "pt-br" value: "Faz" }"#,
            &["\"pt-br\"", "two lower-case letters"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } name: { key: "pt" value: "Faz" }"#,
            &["`pt`", "`br`"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } name: { key: "zh" value: "做" }"#,
            &["`zh`", "`sc`", "`tc`"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } name: { key: "uk" value: "Роби" }"#,
            &["`uk`", "`ua`"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } description: { key: "ru" value: "Делает" }"#,
            &["the description has no `en`"],
        ),
    ] {
        assert_problem(&Executor { activity, ..GOOD }, "", texts);
    }
}

#[test]
fn how_and_where() {
    let huge = format!(
        r#"code: "do" {NAME} description: {{ key: "en" value: "{}" }}"#,
        "x".repeat(66_000)
    );
    for (activity, texts) in [
        (
            r#"code: "do" name: { key: "en" value: "Do" } wait: WAIT_NEVER"#,
            &["outputs and WAIT_NEVER", "remove `wait`"][..],
        ),
        (
            r#"robot_code: "do" name: { key: "en" value: "Do" } wait: WAIT_DESIGNER"#,
            &["robot with WAIT_DESIGNER", "WAIT_ALWAYS"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } document_type: { module: "crm" }"#,
            &["document_type", "entity"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } document_type: { module: "crm" entity: "CCrmDocumentDeal" type: " " }"#,
            &["document_type"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } filter: { include: { distribution: "cloud" } }"#,
            &["filter's include", "\"cloud\"", "`b24`"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } filter: { exclude: { document: {} } }"#,
            &["filter's exclude", "matches nothing"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } filter: { exclude: {} }"#,
            &["filter's exclude", "empty rule"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } filter: { include: { document: { module: "crm" type: "DEAL" } } }"#,
            &["\"DEAL\"", "entity"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } attempt_timeout: {}"#,
            &["`attempt_timeout`", "above zero"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } attempt_timeout: { seconds: -5 }"#,
            &["`attempt_timeout`", "above zero"],
        ),
        (
            r#"code: "do" name: { key: "en" value: "Do" } attempt_timeout: { seconds: 86401 }"#,
            &["`attempt_timeout`", "24 hours"],
        ),
        (&huge, &["DESCRIPTION takes 660", "65534", "shorten"]),
    ] {
        assert_problem(&Executor { activity, ..GOOD }, "", texts);
    }
}

#[test]
fn error_outputs() {
    for (keys, texts) in [
        (r#"code_key: "1""#, &["\"1\"", "letter"][..]),
        (r#"code_key: "Title""#, &["\"Title\"", "reserved"]),
        (r#"code_key: "result""#, &["\"result\"", "acme.v1.DoResponse.result"]),
        (r#"message_key: "Text""#, &["\"Text\"", "acme.v1.DoRequest.text"]),
        (
            r#"code_key: "e" message_key: "E""#,
            &["\"E\"", "the other key of the error output"],
        ),
    ] {
        let activity = format!(r#"code: "do" {NAME} error_output: {{ {keys} }}"#);
        assert_problem(
            &Executor {
                activity: &activity,
                ..GOOD
            },
            "",
            texts,
        );
    }
    let never = format!(r#"code: "do" {NAME} error_output: {{}} wait: WAIT_NEVER"#);
    assert_problem(
        &Executor {
            activity: &never,
            response: "",
            ..GOOD
        },
        "",
        &["outputs and WAIT_NEVER", "error output"],
    );
}

#[test]
fn streams_are_refused() {
    for streams in [("stream ", ""), ("", "stream "), ("stream ", "stream ")] {
        assert_problem(&Executor { streams, ..GOOD }, "", &["streams", "unary"]);
    }
}
