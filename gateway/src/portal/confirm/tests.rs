//! The judgement, and a model of the portal in which no schedule leaves a workflow waiting.

use proptest::{collection::vec, prelude::*};

use super::*;

const NOW: Millis = Millis(1_700_000_000_000);
const FAR: Deadline = Deadline {
    at: Millis(NOW.0 + 86_400_000),
    timed: false,
};

fn sent(sends: u32) -> LastSend {
    LastSend {
        sends,
        at: NOW,
        second: 1_700_000_000,
        answers: 1,
        went_on: false,
    }
}

fn after(seconds: u64) -> Millis {
    NOW.after(Duration::from_secs(seconds))
}

fn saved(later: i64) -> Row {
    Row::Free {
        saved: 1_700_000_000 + later,
    }
}

#[test]
fn a_workflow_that_is_gone_is_the_proof() {
    assert_eq!(sent(1).judge(Row::Gone, 0, NOW, FAR), Next::Done(Evidence::Gone));
}

#[test]
fn a_hit_in_it_is_waited_for_longer_each_time() {
    for (looks, pause) in [(0, 1), (1, 2), (5, 32), (6, 60), (40, 60)] {
        let next = sent(1).judge(Row::Locked, looks, NOW, FAR);
        assert_eq!(next, Next::Look(after(pause)), "{looks}");
    }
}

#[test]
fn the_second_of_the_send_proves_nothing_of_the_first_one() {
    // A save in a later second: again after the first distance. None, or in the same second: the hit has not had its turn.
    for (row, seconds) in [(saved(1), 3), (saved(0), 6), (saved(-9), 6)] {
        assert_eq!(
            sent(1).judge(row, 0, after(1), FAR),
            Next::Look(after(seconds)),
            "{row:?}"
        );
        assert_eq!(sent(1).judge(row, 0, after(seconds), FAR), Next::Repeat, "{row:?}");
    }
    // A repeat is seconds after the hit that began the step.
    assert_eq!(sent(2).judge(saved(0), 0, after(4), FAR), Next::Look(after(60)));
}

#[test]
fn the_hits_of_one_batch_wait_for_each_other() {
    let many = LastSend { answers: 41, ..sent(1) };
    assert_eq!(many.judge(saved(2), 0, after(5), FAR), Next::Look(after(23)));
    assert_eq!(many.judge(saved(0), 0, after(5), FAR), Next::Look(after(26)));
}

#[test]
fn a_workflow_that_went_on_has_more_time() {
    let went_on = LastSend {
        went_on: true,
        ..sent(1)
    };
    assert_eq!(went_on.judge(saved(1), 0, after(4), FAR), Next::Look(after(60)));
}

#[test]
fn five_sends_within_an_hour_are_enough() {
    let mut now = NOW;
    for (sends, seconds) in [(1, 3), (2, 60), (3, 600), (4, 3000)] {
        let last = LastSend { at: now, ..sent(sends) };
        now = now.after(Duration::from_secs(seconds));
        assert_eq!(last.judge(saved(9999), 0, now, FAR), Next::Repeat);
    }
    let last = LastSend { at: now, ..sent(5) };
    assert_eq!(last.judge(saved(9999), 0, now, FAR), Next::Done(Evidence::Repeated));
    let unseen = last.judge(saved(-1), 0, now, FAR);
    assert_eq!(
        unseen,
        Next::Look(now.after(LADDER[3])),
        "none of them was followed by a save"
    );
}

#[test]
fn the_deadline_ends_it() {
    let timed = Deadline { timed: true, ..FAR };
    for row in [Row::Locked, saved(0), saved(1)] {
        assert_eq!(sent(1).judge(row, 0, FAR.at, timed), Next::Done(Evidence::TimedOut));
        assert!(matches!(sent(1).judge(row, 0, FAR.at, FAR), Next::Park(_)), "{row:?}");
    }
    assert_eq!(sent(1).judge(Row::Gone, 0, FAR.at, FAR), Next::Done(Evidence::Gone));
    let last = LastSend { at: FAR.at, ..sent(3) };
    assert_eq!(
        last.judge(Row::Locked, 9, Millis(FAR.at.0 - 5), FAR),
        Next::Look(FAR.at)
    );
}

#[test]
fn without_a_reading_it_goes_by_time() {
    for (sends, seconds) in [(1, 2), (2, 10), (3, 60)] {
        assert_eq!(sent(sends).judge_unseen(NOW, FAR), Next::Look(after(seconds)));
        assert_eq!(sent(sends).judge_unseen(after(seconds), FAR), Next::Repeat);
    }
    assert_eq!(sent(4).judge_unseen(NOW, FAR), Next::Unproved);
    assert_eq!(sent(1).judge_unseen(FAR.at, FAR), Next::Unproved);
}

/// Another hit in the workflow: from when, for how long, milliseconds from the first send.
type Hit = (i64, i64);

/// What becomes of one of our hits.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// From the request's beginning to its turn.
    turn: i64,
    /// From its turn to its save.
    runs: i64,
    /// Its process ends before its turn.
    lost: bool,
    /// Its save is lost to a hit that overwrote its lock; that one saves.
    save_lost: bool,
    /// The reply comes this much later.
    reply: i64,
}

/// A workflow whose step waits for one answer. Times are milliseconds from the first send.
#[derive(Debug)]
struct Model {
    others: Vec<Hit>,
    fates: Vec<Fate>,
    /// Our hits that took the lock: from, to.
    ours: Vec<Hit>,
    /// When the answer was taken, and the workflow ran on.
    taken: Option<i64>,
    /// It ends then; else it goes on to wait for somebody else.
    ends: bool,
    skew: i64,
}

impl Model {
    fn send(&mut self, at: i64, number: usize) -> Fate {
        let fate = self.fates[number.min(self.fates.len() - 1)];
        let (from, to) = (at + fate.turn, at + fate.turn + fate.runs);
        let held = |hits: &[Hit]| {
            hits.iter()
                .any(|(start, length)| (*start..=start + length).contains(&from))
        };
        if fate.lost || held(&self.others) || held(&self.ours) {
            return fate;
        }
        self.ours.push((from, fate.runs));
        if !fate.save_lost && self.taken.is_none_or(|before| before > to) {
            self.taken = Some(to);
        }
        fate
    }

    fn read(&self, at: i64) -> Row {
        if self.ends && self.taken.is_some_and(|taken| taken <= at) {
            return Row::Gone;
        }
        let hits = || self.others.iter().chain(&self.ours);
        if hits().any(|(start, length)| *start <= at && at < start + length) {
            return Row::Locked;
        }
        // The hit that began the step saved just before the callback.
        let last = hits()
            .map(|(start, length)| start + length)
            .filter(|end| *end <= at)
            .max();
        Row::Free {
            saved: self.portal_second(last.unwrap_or(-20).max(-20)),
        }
    }

    fn portal_second(&self, at: i64) -> i64 {
        (NOW.0 + at + self.skew).div_euclid(1000)
    }

    /// Follows the judgement to its end; gives it and the number of sends.
    fn run(&mut self, deadline: Deadline) -> (Next, u32) {
        let (mut now, mut sends) = (0, 0);
        loop {
            let began = now;
            let fate = self.send(began, sends as usize);
            sends += 1;
            let last = LastSend {
                sends,
                at: Millis(NOW.0 + began + fate.reply),
                second: self.portal_second(began),
                answers: 1,
                went_on: false,
            };
            let (mut look, mut looks) = (last.first_look(), 0);
            loop {
                now = look.0 - NOW.0;
                let row = self.read(now);
                match last.judge(row, looks, look, deadline) {
                    Next::Look(at) => {
                        assert!(at > look, "a reading asks for one later");
                        look = at;
                        looks = if row == Row::Locked { looks + 1 } else { 0 };
                    }
                    Next::Repeat => break,
                    end => return (end, sends),
                }
            }
        }
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    (0..5000_i64, 1..3000_i64, any::<bool>(), any::<bool>(), 0..3000_i64).prop_map(
        |(turn, runs, lost, save_lost, reply)| Fate {
            turn,
            runs,
            lost,
            save_lost,
            reply,
        },
    )
}

prop_compose! {
    /// Others are in the workflow whenever they like within 50 minutes; of our hits any but the last may be lost.
    fn model()(
        mut others in vec((-5000..3_000_000_i64, 1..60_000_i64), 0..40),
        mut close in vec((0..20_000_i64, 1..5000_i64), 0..10),
        mut fates in vec(fate(), 5),
        ends in any::<bool>(),
        skew in -400_000..400_000_i64,
    ) -> Model {
        others.append(&mut close);
        let last = fates.last_mut().expect("there are five");
        (last.lost, last.save_lost) = (false, false);
        Model { others, fates, ours: Vec::new(), taken: None, ends, skew }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_schedule_leaves_a_workflow_waiting(mut model in model()) {
        let (end, sends) = model.run(FAR);
        prop_assert!(model.taken.is_some(), "{end:?} after {sends} sends, and it still waits");
        prop_assert!(matches!(end, Next::Done(_)), "{end:?}");
        prop_assert!(sends <= 35, "{sends} sends");
        prop_assert!(!model.ends || end == Next::Done(Evidence::Gone));
    }

    #[test]
    fn alone_one_send_is_enough(turn in 0..2000_i64, runs in 1..900_i64, skew in -400_000..400_000_i64) {
        let fate = Fate { turn, runs, lost: false, save_lost: false, reply: 0 };
        let mut model = Model { others: vec![], fates: vec![fate], ours: vec![], taken: None, ends: true, skew };
        prop_assert_eq!(model.run(FAR), (Next::Done(Evidence::Gone), 1));
    }

    #[test]
    fn a_lock_that_stays_is_told(skew in -400_000..400_000_i64) {
        let fate = Fate { turn: 0, runs: 1, lost: false, save_lost: false, reply: 0 };
        let mut model = Model { others: vec![(-1, i64::MAX / 2)], fates: vec![fate], ours: vec![], taken: None, ends: true, skew };
        let (end, sends) = model.run(FAR);
        prop_assert!(matches!(end, Next::Park(_)), "{end:?}");
        prop_assert_eq!(sends, 1);
    }
}
