//! What the portal is told.

use activity::{Kind, Limits, OnFailure, Set, Wait};
use serde_json::{Value as Json, json};
use std::time::Duration;

use crate::executor::{Executor, GOOD};

fn parameters(executor: &Executor<'_>) -> Json {
    Json::Object(executor.activity().parameters())
}

#[test]
fn the_lesson_activity() {
    let set = Set::read(proto::DESCRIPTORS, &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"));
    let md5 = set.find("md5").unwrap();
    assert_eq!(
        (md5.kind(), md5.wait(), md5.path()),
        (Kind::Activity, Wait::Always, "/hasher.v1.Hasher/Md5")
    );
    assert_eq!(
        (md5.attempt_timeout(), md5.on_failure(), md5.error_output()),
        (None, OnFailure::Answer, None)
    );
    assert_eq!(
        Json::Object(md5.parameters()),
        json!({
            "CODE": "md5",
            "NAME": {"en": "MD5 generator", "ru": "MD5 генератор"},
            "DESCRIPTION": {
                "en": "Activity returns MD5 hash of input parameter",
                "ru": "Действие возвращает MD5 хеш от входного параметра",
            },
            "USE_SUBSCRIPTION": "Y",
            "PROPERTIES": {
                "inputString": {
                    "Name": {"en": "Input string", "ru": "Входная строка"},
                    "Description": {"en": "Input string for hashing", "ru": "Введите строку, которую вы хотите хешировать"},
                    "Type": "string",
                    "Required": "Y",
                    "Multiple": "N",
                    "Default": "{=Document:NAME}",
                },
            },
            "RETURN_PROPERTIES": {
                "outputString": {"Name": {"en": "MD5", "ru": "MD5"}, "Type": "string", "Multiple": "N"},
            },
        })
    );
}

#[test]
fn digests_as_activity_and_as_robot() {
    let set = Set::read(proto::DESCRIPTORS, &Limits::default()).unwrap();
    let codes: Vec<_> = set
        .activities()
        .iter()
        .map(|activity| (activity.code(), activity.kind()))
        .collect();
    assert_eq!(
        codes,
        [
            ("digest", Kind::Activity),
            ("digest_robot", Kind::Robot),
            ("md5", Kind::Activity)
        ]
    );
    let activity = set.find("digest").unwrap();
    let parameters = activity.parameters();
    assert_eq!(
        parameters["PROPERTIES"],
        json!({
            "input": {"Name": {"en": "Texts", "ru": "Тексты"}, "Type": "string", "Required": "Y", "Multiple": "Y"},
            "algorithm": {
                "Name": {"en": "Algorithm", "ru": "Алгоритм"},
                "Type": "select",
                "Required": "Y",
                "Multiple": "N",
                "Options": {
                    "md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512", "blake3": "BLAKE3", "crc32": "CRC-32",
                },
                "Default": "sha256",
            },
            "encoding": {
                "Name": {"en": "Encoding", "ru": "Кодировка"},
                "Type": "select",
                "Required": "N",
                "Multiple": "N",
                "Options": {"hex": "hex", "base64url": "base64url"},
                "Default": "hex",
            },
        })
    );
    assert_eq!(
        parameters["RETURN_PROPERTIES"],
        json!({
            "digests": {"Name": {"en": "Digests", "ru": "Хеши"}, "Type": "string", "Multiple": "Y"},
            "errorCode": {"Name": {"en": "Error code", "ru": "Код ошибки"}, "Type": "string", "Multiple": "N"},
            "errorMessage": {"Name": {"en": "Error message", "ru": "Сообщение об ошибке"}, "Type": "string", "Multiple": "N"},
        })
    );
    let mut of_robot = set.find("digest_robot").unwrap().parameters();
    assert_eq!(
        of_robot.insert("CODE".to_owned(), json!("digest")),
        Some(json!("digest_robot"))
    );
    assert_eq!(of_robot, parameters);
}

#[test]
fn every_type() {
    let executor = Executor {
        activity: r#"code: "do" name: { key: "en" value: "Do" } document_type: { module: "crm" entity: "CCrmDocumentDeal" type: "DEAL" }"#,
        request: r#"
            optional int32 i32 = 1; optional sint64 s64 = 2; optional fixed32 f32 = 3; optional uint64 u64 = 4;
            optional double d = 5; optional float f = 6; optional bool b = 7; Kind kind = 8; string s = 9;
            string text = 10 [(bizproc.v1.property) = { type: "text" }];
            string user = 11 [(bizproc.v1.property) = { type: "user" }];
            string money = 12 [(bizproc.v1.property) = { type: "UF:money" }];
            repeated string days = 13 [(bizproc.v1.property) = { type: "date" }];
            repeated bool flags = 14; repeated Kind kinds = 15; optional string maybe = 16;"#,
        more: "enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; OTHER = 2; }",
        ..GOOD
    };
    let parameters = parameters(&executor);
    let types: Vec<_> = parameters["PROPERTIES"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, definition)| {
            format!(
                "{key} {} {}",
                definition["Type"].as_str().unwrap(),
                definition["Multiple"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        types,
        [
            "i32 int N",
            "s64 int N",
            "f32 int N",
            "u64 int N",
            "d double N",
            "f double N",
            "b bool N",
            "kind select N",
            "s string N",
            "text text N",
            "user user N",
            "money UF:money N",
            "days date Y",
            "flags bool Y",
            "kinds select Y",
            "maybe string N",
        ]
    );
    assert_eq!(
        parameters["PROPERTIES"]["kind"]["Options"],
        json!({"a": "a", "other": "other"})
    );
    assert_eq!(parameters["PROPERTIES"]["s"]["Name"], json!("s"));
    assert_eq!(parameters["DOCUMENT_TYPE"], json!(["crm", "CCrmDocumentDeal", "DEAL"]));
}

#[test]
fn properties_are_in_the_order_of_the_file() {
    let executor = Executor {
        request: "string last_number = 9; string first_number = 1; Kind kind = 5;",
        more: "enum Kind { KIND_UNSPECIFIED = 0; KIND_Z = 9; KIND_A = 1; }",
        ..GOOD
    };
    let parameters = parameters(&executor);
    let properties = parameters["PROPERTIES"].as_object().unwrap();
    assert_eq!(
        properties.keys().collect::<Vec<_>>(),
        ["lastNumber", "firstNumber", "kind"]
    );
    assert_eq!(
        properties["kind"]["Options"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["z", "a"]
    );
}

#[test]
fn defaults() {
    let executor = Executor {
        request: r#"
            optional int32 i = 1 [(bizproc.v1.property) = { default: "5" }];
            optional bool b = 2 [(bizproc.v1.property) = { default: "true" }];
            repeated string list = 3 [(bizproc.v1.property) = { default: "a" }];
            repeated int32 numbers = 4 [(bizproc.v1.property) = { default: "1" default: "{=Document:ID}" }];
            Kind kind = 5 [(bizproc.v1.property) = { default: "a" }];
            optional double d = 6 [(bizproc.v1.property) = { default: "{=Document:OPPORTUNITY}" }];
            string s = 7;"#,
        response: r#"int32 count = 1 [(bizproc.v1.property) = { default: "-1" }];"#,
        more: "enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; }",
        ..GOOD
    };
    let parameters = parameters(&executor);
    let default = |key: &str| parameters["PROPERTIES"][key]["Default"].clone();
    assert_eq!(default("i"), json!("5"));
    assert_eq!(default("b"), json!("Y"));
    assert_eq!(default("list"), json!(["a"]));
    assert_eq!(default("numbers"), json!(["1", "{=Document:ID}"]));
    assert_eq!(default("kind"), json!("a"));
    assert_eq!(default("d"), json!("{=Document:OPPORTUNITY}"));
    assert_eq!(default("s"), Json::Null);
    assert_eq!(parameters["RETURN_PROPERTIES"]["count"]["Default"], json!("-1"));
}

#[test]
fn filters() {
    let filter = r#"filter: {
        include: [{ distribution: "b24" }, { document: { module: "crm" entity: "CCrmDocumentDeal" } }]
        exclude: { document: { entity: "X" type: "Y" } }
    }"#;
    let executor = Executor {
        activity: &format!("{} {filter}", GOOD.activity),
        ..GOOD
    };
    let parameters = parameters(&executor);
    assert_eq!(
        parameters["FILTER"],
        json!({"INCLUDE": ["b24", ["crm", "CCrmDocumentDeal"]], "EXCLUDE": [["", "X", "Y"]]})
    );
    let empty = Executor {
        activity: &format!("{} filter: {{}}", GOOD.activity),
        ..GOOD
    };
    assert_eq!(empty.activity().parameters().get("FILTER"), None);
}

#[test]
fn waiting() {
    for (wait, response, error_output, expected, sent) in [
        ("", "string r = 1;", "", Wait::Always, Some("Y")),
        ("", "", "", Wait::Never, Some("N")),
        ("", "", "error_output: {}", Wait::Always, Some("Y")),
        ("wait: WAIT_ALWAYS", "", "", Wait::Always, Some("Y")),
        ("wait: WAIT_NEVER", "", "", Wait::Never, Some("N")),
        ("wait: WAIT_DESIGNER", "string r = 1;", "", Wait::Designer, None),
    ] {
        let executor = Executor {
            activity: &format!("{} {wait} {error_output}", GOOD.activity),
            response,
            ..GOOD
        };
        let activity = executor.activity();
        assert_eq!(activity.wait(), expected, "{wait} {response}");
        assert_eq!(
            activity.parameters().get("USE_SUBSCRIPTION"),
            sent.map(Json::from).as_ref(),
            "{wait} {response}"
        );
    }
}

#[test]
fn empty_maps_are_left_out_of_an_add_and_cleared_by_an_update() {
    let activity = Executor {
        request: "",
        response: "",
        activity: &format!("{} wait: WAIT_DESIGNER", GOOD.activity),
        ..GOOD
    }
    .activity();
    assert_eq!(
        Json::Object(activity.parameters()),
        json!({"CODE": "do", "NAME": {"en": "Do"}})
    );
    assert_eq!(
        Json::Object(activity.update_fields()),
        json!({
            "NAME": {"en": "Do"}, "DESCRIPTION": "", "USE_SUBSCRIPTION": "",
            "PROPERTIES": [], "RETURN_PROPERTIES": [], "DOCUMENT_TYPE": [], "FILTER": [],
        })
    );
    let md5 = Set::read(proto::DESCRIPTORS, &Limits::default())
        .unwrap()
        .find("md5")
        .unwrap()
        .clone();
    assert_eq!(md5.update_fields()["PROPERTIES"], md5.parameters()["PROPERTIES"]);
}

#[test]
fn how_to_call() {
    let executor = Executor {
        activity: r#"robot_code: "do" name: { key: "en" value: "Do" } attempt_timeout: { seconds: 2 nanos: 500000000 }
            on_failure: ON_FAILURE_PARK error_output: { code_key: "fault" }"#,
        ..GOOD
    };
    let activity = executor.activity();
    assert_eq!(activity.kind(), Kind::Robot);
    assert_eq!(activity.attempt_timeout(), Some(Duration::from_millis(2500)));
    assert_eq!(activity.on_failure(), OnFailure::Park);
    let error_output = activity.error_output().unwrap();
    assert_eq!(
        (&*error_output.code_key, &*error_output.message_key),
        ("fault", "errorMessage")
    );
    assert_eq!(activity.method().full_name(), "acme.v1.Acme.Do");
}

/// The sizes at which the running server takes a map and refuses it.
#[test]
fn sizes_are_measured_as_the_server_measures() {
    let room = 65_534 - r#"a:1:{s:4:"text";a:5:{s:4:"NAME";s:4:"text";s:4:"TYPE";s:6:"string";s:8:"REQUIRED";s:1:"N";s:8:"MULTIPLE";s:1:"N";s:7:"DEFAULT";s:65000:"";}}"#.len();
    for (length, fits) in [(room, true), (room + 1, false)] {
        let request = format!(
            r#"string text = 1 [(bizproc.v1.property) = {{ default: "{}" }}];"#,
            "z".repeat(length)
        );
        let read = Set::read(
            &Executor {
                request: &request,
                ..GOOD
            }
            .descriptors(),
            &Limits::default(),
        );
        assert_eq!(read.is_ok(), fits, "{length}");
    }
}
