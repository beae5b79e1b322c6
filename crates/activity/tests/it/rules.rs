//! Every rule has an example that breaks it; the problem names file, method and field and says what to do.

mod activities;
mod properties;

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
