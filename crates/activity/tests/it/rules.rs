//! Every rule has an example that breaks it; the problem names file, method and field and says what to do.

use activity::{Limits, Set};

use crate::executor::{Executor, FILE, GOOD, METHOD, compile};

/// Asserts that the executor has exactly one problem, at the field (if any) and with each of the texts.
fn assert_problem(executor: &Executor<'_>, field: &str, texts: &[&str]) {
    let descriptors = executor.descriptors();
    let problems = Set::read(&descriptors, &Limits::default()).expect_err(&executor.source());
    let problems: Vec<_> = problems.iter().collect();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!(
        (&*problems[0].file, &*problems[0].method, &*problems[0].field),
        (FILE, METHOD, field),
        "{problems:?}"
    );
    let shown = problems[0].to_string();
    for part in [FILE, METHOD, field].iter().chain(texts) {
        assert!(shown.contains(part), "{part:?} is not in: {shown}");
    }
}

const NAME: &str = r#"name: { key: "en" value: "Do" }"#;

#[test]
fn a_good_executor_has_no_problem() {
    assert_eq!(GOOD.activity().code(), "do");
}

#[test]
fn activities() {
    let long = "x".repeat(129);
    let long = format!(r#"code: "{long}" {NAME}"#);
    let huge = format!(
        r#"code: "do" {NAME} description: {{ key: "en" value: "{}" }}"#,
        "x".repeat(66_000)
    );
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
        (
            r#"code: "do" name: { key: "en" value: "Do" } wait: WAIT_NEVER"#,
            &["outputs and WAIT_NEVER", "remove `wait`"],
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

#[test]
fn inputs() {
    let huge = format!(
        r#"string a = 1 [(bizproc.v1.property) = {{ default: "{}" }}];"#,
        "z".repeat(65_500)
    );
    assert_problem(
        &Executor { request: &huge, ..GOOD },
        "",
        &["PROPERTIES takes 65", "shorten"],
    );
    for (request, texts) in [
        (
            r#"string a = 1 [(bizproc.v1.property) = { key: "1a" }];"#,
            &["\"1a\"", "letter"][..],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { key: "Title" }];"#,
            &["\"Title\"", "reserved"],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { key: "OPTIONS" }];"#,
            &["\"OPTIONS\"", "reserved"],
        ),
        (
            r#"string b = 1; string a = 2 [(bizproc.v1.property) = { key: "B" }];"#,
            &["\"B\"", "acme.v1.DoRequest.b", "case"],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { name: { key: "ru" value: "А" } }];"#,
            &["the name has no `en`"],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { description: { key: "xyz" value: "А" } description: { key: "en" value: "A" } }];"#,
            &["the description", "\"xyz\""],
        ),
        ("int32 a = 1;", &["single int", "`optional`"]),
        ("uint64 a = 1;", &["single int", "`optional`"]),
        ("double a = 1;", &["single double", "`optional`"]),
        ("bool a = 1;", &["single bool", "`optional`", "no"]),
        ("bytes a = 1;", &["bytes", "no property can carry"]),
        (
            "DoResponse a = 1;",
            &["a message (acme.v1.DoResponse)", "no property can carry"],
        ),
        ("repeated DoResponse a = 1;", &["a message", "no property can carry"]),
        ("map<string, string> a = 1;", &["a map", "no property can carry"]),
        ("oneof choice { string a = 1; }", &["`oneof`", "field of its own"]),
        (
            r#"string a = 1 [(bizproc.v1.property) = { type: "int" }];"#,
            &["\"int\"", "an integer field"],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { type: "SELECT" }];"#,
            &["\"SELECT\"", "an enum field"],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { type: "json" }];"#,
            &["\"json\"", "another type"],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { type: "DateTime" }];"#,
            &["\"DateTime\"", "lower case"],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { type: "UF:money" }];"#,
            &["\"UF:money\"", "`document_type`"],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { type: "any thing" }];"#,
            &["\"any thing\"", "no portal has"],
        ),
        (
            r#"optional int32 a = 1 [(bizproc.v1.property) = { type: "int" }];"#,
            &["only a string field"],
        ),
        (
            r#"repeated string a = 1 [(bizproc.v1.property) = { type: "UF:crm" }];"#,
            &["\"UF:crm\"", "`document_type`"],
        ),
        (
            r#"string a = 1 [(bizproc.v1.property) = { default: "x" default: "y" }];"#,
            &["several defaults", "repeated"],
        ),
        (
            r#"optional int32 a = 1 [(bizproc.v1.property) = { default: "x" }];"#,
            &["\"x\"", "a whole number from -2147483648", "expression"],
        ),
        (
            r#"optional uint32 a = 1 [(bizproc.v1.property) = { default: "-1" }];"#,
            &["\"-1\"", "from 0 to 4294967295"],
        ),
        (
            r#"repeated int32 a = 1 [(bizproc.v1.property) = { default: "1" default: "" }];"#,
            &["\"\"", "a whole number"],
        ),
        (
            r#"optional float a = 1 [(bizproc.v1.property) = { default: "1,5" }];"#,
            &["\"1,5\"", "a number"],
        ),
        (
            r#"optional bool a = 1 [(bizproc.v1.property) = { default: "maybe" }];"#,
            &["\"maybe\"", "`Y` or `N`"],
        ),
    ] {
        assert_problem(&Executor { request, ..GOOD }, "acme.v1.DoRequest.a", texts);
    }
    let twice = "message DoTwice { required string a = 1; }";
    let proto2 = Executor {
        syntax: "proto2",
        request: "required string a = 1;",
        response: "",
        more: twice,
        ..GOOD
    };
    assert_problem(&proto2, "acme.v1.DoRequest.a", &["`required` in proto2", "`optional`"]);
}

#[test]
fn outputs() {
    for (response, texts) in [
        (
            "string text = 1;",
            &["\"text\"", "acme.v1.DoRequest.text", "another `key`"][..],
        ),
        ("string TEXT = 1;", &["\"TEXT\"", "acme.v1.DoRequest.text", "case"]),
        (
            r#"string a = 1; string out = 2 [(bizproc.v1.property) = { key: "A" }];"#,
            &["\"A\"", "acme.v1.DoResponse.a"],
        ),
        (
            r#"string out = 1 [(bizproc.v1.property) = { key: "IsTimeout" }];"#,
            &["\"IsTimeout\"", "reserved"],
        ),
        (
            r#"string out = 1 [(bizproc.v1.property) = { required: true }];"#,
            &["`required`", "no meaning"],
        ),
        ("DoRequest out = 1;", &["a message", "no property can carry"]),
        (
            r#"int32 out = 1 [(bizproc.v1.property) = { default: "many" }];"#,
            &["\"many\"", "a whole number"],
        ),
    ] {
        let field = if response.contains("TEXT") {
            "acme.v1.DoResponse.TEXT"
        } else if response.contains("out") {
            "acme.v1.DoResponse.out"
        } else {
            "acme.v1.DoResponse.text"
        };
        assert_problem(&Executor { response, ..GOOD }, field, texts);
    }
    let huge = format!(
        r#"string a = 1 [(bizproc.v1.property) = {{ default: "{}" }}];"#,
        "z".repeat(65_500)
    );
    assert_problem(
        &Executor {
            response: &huge,
            ..GOOD
        },
        "",
        &["RETURN_PROPERTIES takes 65"],
    );
}

#[test]
fn enums() {
    for (kind, texts) in [
        (
            "enum Kind { KIND_NONE = 0; KIND_A = 1; }",
            &["acme.v1.Kind", "`KIND_UNSPECIFIED = 0`"][..],
        ),
        (
            "enum Kind { KIND_UNSPECIFIED = 0; }",
            &["acme.v1.Kind", "no value to choose"],
        ),
        (
            r#"enum Kind { KIND_UNSPECIFIED = 0 [(bizproc.v1.option) = { title: "None" }]; KIND_A = 1; }"#,
            &["acme.v1.KIND_UNSPECIFIED", "remove it"],
        ),
        (
            r#"enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1 [(bizproc.v1.option) = { key: "b" }]; KIND_B = 2; }"#,
            &["acme.v1.KIND_B", "\"b\"", "unique"],
        ),
        (
            r#"enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1 [(bizproc.v1.option) = { key: " a" }]; }"#,
            &["acme.v1.KIND_A", "\" a\"", "blanks"],
        ),
        (
            "enum Kind { option allow_alias = true; KIND_UNSPECIFIED = 0; KIND_A = 1; KIND_B = 1; }",
            &["acme.v1.KIND_B", "number of another value", "alias"],
        ),
    ] {
        assert_problem(
            &Executor {
                request: "Kind a = 1;",
                more: kind,
                ..GOOD
            },
            "acme.v1.DoRequest.a",
            texts,
        );
    }
    let default = Executor {
        request: r#"Kind a = 1 [(bizproc.v1.property) = { default: "Title A" }];"#,
        more: r#"enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1 [(bizproc.v1.option) = { title: "Title A" }]; KIND_B = 2; }"#,
        ..GOOD
    };
    assert_problem(
        &default,
        "acme.v1.DoRequest.a",
        &["\"Title A\"", "the key of an option (a, b)"],
    );
}

#[test]
fn codes_are_unique_across_the_set() {
    let first = Executor {
        activity: r#"code: "one" robot_code: "two" name: { key: "en" value: "Do" }"#,
        ..GOOD
    }
    .source();
    let second = first
        .replace("acme", "other")
        .replace("\"one\"", "\"two\"")
        .replace("robot_code: \"two\"", "robot_code: \"three\"");
    let set = compile(&[("a.proto", &first), ("b.proto", &second)]);
    let problems = Set::read(&set, &Limits::default()).unwrap_err().to_string();
    assert!(problems.starts_with("b.proto: other.v1.Acme.Do: "), "{problems}");
    assert!(
        problems.contains("\"two\", which acme.v1.Acme.Do has, too"),
        "{problems}"
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let executor = Executor {
        activity: r#"code: "a b" robot_code: "c d" wait: WAIT_DESIGNER"#,
        request: "int32 a = 1; bytes b = 2;",
        response: "map<string, string> c = 1;",
        ..GOOD
    };
    let problems = executor.problems();
    assert_eq!(problems.lines().count(), 7, "{problems}");
}
