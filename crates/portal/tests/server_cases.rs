//! Every case that was taken from the running server, through the emulator's own dispatcher.

use std::{collections::BTreeMap, fs::File, io::BufReader};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/server-cases.jsonl");

#[test]
fn all_cases_of_the_server_pass() {
    let file = File::open(FIXTURE).expect("the fixture is part of the repository");
    let mut passed = BTreeMap::<String, usize>::new();
    let mut failures = Vec::new();
    for (id, outcome) in portal::cases::run(BufReader::new(file)) {
        match outcome {
            Ok(()) => *passed.entry(id.kind).or_default() += 1,
            Err(why) => failures.push(format!("{id}: {why}")),
        }
    }
    assert!(
        failures.is_empty(),
        "passed {passed:?}; failed:\n{}",
        failures.join("\n")
    );
    let expected = [
        ("batch", 86),
        ("batch_filter", 53),
        ("instances", 42),
        ("registry", 505),
        ("token", 123),
    ];
    assert_eq!(passed, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
    assert_eq!(passed.values().sum::<usize>(), 809);
}

/// Runs one case and gives why it fails.
fn failure(case: &str) -> String {
    let mut outcomes = portal::cases::run(case.as_bytes());
    let (id, outcome) = outcomes.next().expect("one line");
    format!("{id}: {}", outcome.expect_err("must fail"))
}

#[test]
fn a_difference_is_told() {
    let case = |method: &str, expect: &str| {
        format!(
            r#"{{"id":"x","method":"{method}","context":{{"client_id":"a","admin":true}},"params":{{"b":1,"a":2}},"expect":{expect}}}"#
        )
    };
    assert!(failure(&case("oracle.fail", r#"{"http":200}"#)).starts_with("x: HTTP 400 instead of 200"));
    let order = failure(&case(
        "oracle.echo",
        r#"{"http":200,"result":{"params":{"a":2,"b":1},"start":0}}"#,
    ));
    assert!(order.contains(r#"{"b":1,"a":2}"#), "the order of keys counts: {order}");
    let map = failure(
        r#"{"id":"x","method":"batch","context":{"client_id":"a","admin":true},"params":{},"expect":{"http":200,"result":{"result":{},"result_error":[],"result_total":[],"result_next":[]}}}"#,
    );
    assert!(map.contains(r#"{"result":[],"#), "an empty list is no empty map: {map}");
    let stored = r#"{"http":404,"error":"ERROR_METHOD_NOT_FOUND","error_description":"Method not found!","stored":{}}"#;
    assert!(failure(&case("no.such", stored)).contains("stored rows"));
}

#[test]
fn a_line_that_is_no_case_fails_with_its_number() {
    let outcomes: Vec<_> = portal::cases::run(&b"\n{\"id\":1}\n"[..]).collect();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].0.to_string(), "line 2");
    assert!(outcomes[0].1.as_ref().is_err_and(|why| why.starts_with("is no case")));
}
