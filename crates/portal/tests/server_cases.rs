//! Every case that was taken from the running server, through the emulator's own dispatcher.

use std::{collections::BTreeMap, fs::File, io::BufReader};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/server-cases.jsonl");

#[test]
fn all_cases_of_the_server_pass() {
    let file = File::open(FIXTURE).expect("the fixture is part of the repository");
    let mut counts = BTreeMap::<String, (usize, usize)>::new();
    let mut failures = Vec::new();
    for (id, outcome) in portal::cases::run(BufReader::new(file)) {
        let count = counts.entry(id.kind.clone()).or_default();
        count.1 += 1;
        match outcome {
            Ok(()) => count.0 += 1,
            Err(why) => failures.push(format!("{id}: {why}")),
        }
    }
    let passed: usize = counts.values().map(|count| count.0).sum();
    assert!(
        failures.is_empty(),
        "{passed} passed, by kind {counts:?}; failed:\n{}",
        failures.join("\n")
    );
    assert_eq!(passed, 809, "{counts:?}");
}
