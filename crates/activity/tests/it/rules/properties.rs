//! Rules for the fields of request and response.

use activity::{Limits, Set};

use super::assert_problem;
use crate::executor::{Executor, FILE, GOOD, compile};

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
fn types_and_defaults() {
    for (request, texts) in [
        (
            r#"string a = 1 [(bizproc.v1.property) = { type: "int" }];"#,
            &["\"int\"", "an integer field"][..],
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
}

#[test]
fn timestamps() {
    for (request, texts) in [
        (
            "google.protobuf.Duration a = 1;",
            &["a message (google.protobuf.Duration)", "google.protobuf.Timestamp"][..],
        ),
        (
            r#"google.protobuf.Timestamp a = 1 [(bizproc.v1.property) = { default: "24.11.2026" }];"#,
            &["\"24.11.2026\"", "its own form", "expression"],
        ),
        (
            r#"google.protobuf.Timestamp a = 1 [(bizproc.v1.property) = { type: "datetime" }];"#,
            &["only a string field", "remove `type`"],
        ),
        ("map<string, google.protobuf.Timestamp> a = 1;", &["a map"]),
    ] {
        let more = r#"import "google/protobuf/duration.proto"; import "google/protobuf/timestamp.proto";"#;
        assert_problem(&Executor { request, more, ..GOOD }, "acme.v1.DoRequest.a", texts);
    }
}

#[test]
fn a_message_that_is_a_timestamp_by_name_only_is_refused() {
    for fields in [
        "string seconds = 1; int32 nanos = 2;",
        "int64 seconds = 1;",
        "repeated int64 s = 1; int32 n = 2;",
    ] {
        let own = format!(r#"syntax = "proto3"; package google.protobuf; message Timestamp {{ {fields} }}"#);
        let executor = Executor {
            request: "google.protobuf.Timestamp a = 1;",
            more: r#"import "own.proto";"#,
            ..GOOD
        };
        let set = compile(&[(FILE, &executor.source()), ("own.proto", &own)]);
        let problems = Set::read(&set, &Limits::default()).unwrap_err().to_string();
        assert!(
            problems.contains("a message (google.protobuf.Timestamp)"),
            "{fields}: {problems}"
        );
    }
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
            r"string out = 1 [(bizproc.v1.property) = { required: true }];",
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
