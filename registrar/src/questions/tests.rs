use std::sync::Arc;

use service::ManualClock;

use super::*;

fn questions(per_minute: u32, per_source_per_minute: u32) -> (Questions, Arc<ManualClock>) {
    let clock = ManualClock::new("2026-11-25T12:00:00Z".parse().unwrap());
    let limits = Limits {
        per_minute,
        per_source_per_minute,
    };
    let questions = Questions::new(limits, clock.clone(), Metrics::default());
    (questions, clock)
}

fn taken(questions: &Questions, asker: Asker, sources: &[&str], tries: usize) -> usize {
    let callers = sources.iter().cycle().map(|source| Caller { asker, source });
    callers
        .take(tries)
        .filter(|caller| questions.take(*caller, 1).is_ok())
        .count()
}

#[test]
fn each_class_leaves_a_part_to_those_before_it() {
    let (questions, clock) = questions(100, 1000);
    assert_eq!(taken(&questions, Asker::Stranger, &["a", "b"], 1000), 50);
    assert_eq!(taken(&questions, Asker::Known, &["a", "b"], 1000), 25);
    assert_eq!(taken(&questions, Asker::Page, &["a", "b"], 1000), 25);
    questions.ours();
    clock.advance(Duration::from_secs(30));
    assert_eq!(
        taken(&questions, Asker::Stranger, &["a"], 10),
        0,
        "half is left to others"
    );
    assert_eq!(taken(&questions, Asker::Known, &["a"], 100), 25);
    clock.advance(Duration::from_hours(10));
    assert_eq!(
        taken(&questions, Asker::Stranger, &["a"], 1000),
        50,
        "nothing is saved up"
    );
}

#[test]
fn refreshes_are_never_refused_but_count() {
    let (questions, _) = questions(10, 1000);
    for _ in 0..20 {
        questions.ours();
    }
    assert_eq!(taken(&questions, Asker::Page, &["a"], 1), 0);
}

#[test]
fn each_source_has_its_part_and_proofs_cost_it_nothing() {
    let (questions, clock) = questions(1000, 6);
    assert_eq!(taken(&questions, Asker::Stranger, &["a"], 100), 6);
    let caller = Caller {
        asker: Asker::Page,
        source: "a",
    };
    assert_eq!(questions.take(caller, 1), Err(Duration::from_secs(10)));
    assert_eq!(
        questions.take(caller, 2),
        Err(Duration::from_secs(20)),
        "two servers are to be asked"
    );
    assert_eq!(taken(&questions, Asker::Stranger, &["b"], 1), 1);
    clock.advance(Duration::from_secs(10));
    for _ in 0..100 {
        assert_eq!(questions.take(caller, 1), Ok(()));
        questions.give_back("a", 1);
    }
    assert_eq!(taken(&questions, Asker::Page, &["a"], 100), 1);
}

#[test]
fn sources_are_bounded() {
    let (questions, clock) = questions(1_000_000, 1);
    for source in 0..2 * SOURCES {
        let source = &source.to_string();
        let _ = questions.take(
            Caller {
                asker: Asker::Stranger,
                source,
            },
            1,
        );
    }
    assert!(questions.state.lock().sources.len() <= SOURCES + 1);
    assert_eq!(
        taken(&questions, Asker::Stranger, &["new"], 1),
        0,
        "those that are too many share one part"
    );
    clock.advance(Duration::from_mins(1));
    assert_eq!(taken(&questions, Asker::Stranger, &["new"], 1), 1);
    assert_eq!(questions.state.lock().sources.len(), 1);
}

#[test]
fn the_disproved_are_remembered_for_a_time() {
    let (questions, clock) = questions(1, 1);
    let digest = |number: usize| {
        let key = Key {
            app: "demo".into(),
            member_id: number.to_string(),
        };
        digest_of(&key, &Auth::default())
    };
    questions.disproved(digest(0));
    questions.disproved(digest(0));
    assert!(questions.was_disproved(&digest(0)) && !questions.was_disproved(&digest(1)));
    clock.advance(REMEMBERED);
    assert!(!questions.was_disproved(&digest(0)));
    for number in 0..=DISPROVED {
        questions.disproved(digest(number));
    }
    assert!(
        !questions.was_disproved(&digest(0)),
        "the oldest goes when there are too many"
    );
    assert!(questions.was_disproved(&digest(DISPROVED)));
    let state = questions.state.lock();
    assert_eq!(
        (state.disproved.known.len(), state.disproved.order.len()),
        (DISPROVED, DISPROVED)
    );
}
