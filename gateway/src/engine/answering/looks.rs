//! When which workflow is to be read. Readings of many go together.

use std::{sync::Arc, time::Duration};

use service::Backoff;

use crate::{
    engine::schedule::Schedule,
    job::Millis,
    portal::{PAGE, is_readable},
};

/// Readings of one request, of [`PAGE`] workflows each.
pub(super) const READINGS: usize = 10;
/// Between requests with readings: those of many workflows go together.
const GATHER: Duration = Duration::from_secs(4);
/// The same when an answer waits for one.
const GATHER_FOR_ANSWERS: Duration = Duration::from_millis(250);
/// Readings that are due as soon go along.
const ALONG: Duration = Duration::from_secs(2);
/// How long a token is not tried again that may not read workflows.
const DENIED: Duration = Duration::from_hours(1);
/// After readings that failed. Answers go meanwhile.
const BACKOFF: Backoff = Backoff::seconds(4, 60);
/// Readings that fail so often in a row while answers are taken: workflows are judged by time for a while.
const BLIND: u32 = 5;
const BLIND_FOR: Duration = Duration::from_mins(10);

pub(super) type Id = Arc<str>;

#[derive(Default)]
pub(super) struct Looks {
    due: Schedule<Id>,
    /// Of workflows that can't be read: they are judged by time.
    unseen: Schedule<Id>,
    denied_until: Millis,
    /// When workflows were last read.
    read: Millis,
    /// Nothing is read before.
    rests_until: Millis,
    /// Readings that failed in a row.
    failures: u32,
    /// An answer was taken since the first of those.
    answers_taken: bool,
    /// A request with nothing but readings is under way.
    under_way: bool,
}

impl Looks {
    /// A workflow is to be looked at then, if not before.
    pub(super) fn add(&mut self, id: &Id, at: Millis) {
        if at < self.denied_until || !is_readable(id) {
            self.unseen.add(id, at);
        } else {
            self.due.add(id, at);
        }
    }

    pub(super) fn remove(&mut self, id: &Id) {
        self.due.remove(id);
        self.unseen.remove(id);
    }

    pub(super) fn contains(&self, id: &Id) -> bool {
        self.due.contains(id) || self.unseen.contains(id)
    }

    /// When there is a reading to be made. `waited_for`: an answer waits for the reading of a workflow.
    pub(super) fn next(&self, now: Millis, waited_for: impl Fn(&Id) -> bool) -> Option<Millis> {
        if self.under_way {
            return None;
        }
        let first = self.due.first()?;
        let mut page = self.due.due(now.max(first)).take(PAGE);
        let distance = if page.clone().count() == PAGE {
            // A full one.
            Duration::ZERO
        } else if page.any(waited_for) {
            GATHER_FOR_ANSWERS
        } else {
            GATHER
        };
        Some(first.max(self.read.after(distance)).max(self.rests_until))
    }

    /// Pages that are due, one at least; as many as one request reads.
    pub(super) fn pages(&self, now: Millis) -> usize {
        (self.due.due(now).take(READINGS * PAGE).count() / PAGE).max(1)
    }

    /// A workflow that is due, or will soon be.
    pub(super) fn take(&mut self, now: Millis) -> Option<Id> {
        self.due.pop_due(now.after(ALONG))
    }

    /// Workflows are read now.
    pub(super) fn reads(&mut self, now: Millis) {
        self.read = now;
    }

    /// A workflow that is due and can't be read.
    pub(super) fn take_unseen(&mut self, now: Millis) -> Option<Id> {
        self.unseen.pop_due(now)
    }

    /// When one of those is due.
    pub(super) fn next_unseen(&self) -> Option<Millis> {
        self.unseen.first()
    }

    /// Nothing is to be read before then.
    pub(super) fn rest(&mut self, until: Millis) {
        self.rests_until = self.rests_until.max(until);
    }

    /// A request with nothing but readings goes: no other one before it is back.
    pub(super) fn goes(&mut self) {
        self.under_way = true;
    }

    /// It is back.
    pub(super) fn is_back(&mut self) {
        self.under_way = false;
    }

    /// Readings that fail go alone: answers must not wait for them.
    pub(super) fn are_failing(&self) -> bool {
        self.failures > 0
    }

    /// A reading came.
    pub(super) fn work(&mut self) {
        (self.failures, self.answers_taken, self.rests_until) = (0, false, Millis::default());
    }

    /// A reading failed: when the next one may go. `least`: the pause that was asked for.
    pub(super) fn failed(&mut self, now: Millis, least: Duration) -> Millis {
        self.failures += 1;
        self.rest(now.after(BACKOFF.delay(self.failures).max(least)));
        self.rests_until
    }

    /// A portal took an answer.
    pub(super) fn answer_taken(&mut self) {
        self.answers_taken |= self.are_failing();
    }

    /// Answers are taken and nothing can be read: workflows are judged by time for a while; true when that is new.
    pub(super) fn turn_blind(&mut self, now: Millis) -> bool {
        let blind = self.failures >= BLIND && self.answers_taken;
        if blind {
            self.work();
            self.deny_for(now, BLIND_FOR);
        }
        blind
    }

    /// The token's user may not read workflows; true when that is new.
    pub(super) fn deny(&mut self, now: Millis) -> bool {
        let new = self.denied_until <= now;
        self.work();
        self.deny_for(now, DENIED);
        new
    }

    fn deny_for(&mut self, now: Millis, time: Duration) {
        self.denied_until = now.after(time);
        while let Some(at) = self.due.first()
            && let Some(id) = self.due.pop_due(at)
        {
            self.add(&id, at);
            if at >= self.denied_until {
                break;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &Id> {
        let ever = Millis(i64::MAX);
        self.due.due(ever).chain(self.unseen.due(ever))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000_000);

    fn after(seconds: u64) -> Millis {
        NOW.after(Duration::from_secs(seconds))
    }

    fn next(looks: &Looks, now: Millis) -> Option<Millis> {
        looks.next(now, |_| false)
    }

    #[test]
    fn readings_gather_unless_a_page_is_full() {
        let mut looks = Looks::default();
        looks.add(&"a".into(), NOW);
        assert_eq!(next(&looks, NOW), Some(NOW));
        assert_eq!(looks.take(NOW).as_deref(), Some("a"));
        looks.reads(NOW);
        looks.add(&"b".into(), after(1));
        assert_eq!(next(&looks, after(1)), Some(after(4)));
        let soon = looks.next(after(1), |id| &**id == "b");
        assert_eq!(soon, Some(after(1)), "an answer waits for it");
        for number in 1..PAGE {
            looks.add(&number.to_string().into(), after(1));
        }
        assert_eq!((next(&looks, after(1)), looks.pages(after(1))), (Some(after(1)), 1));
    }

    #[test]
    fn what_can_not_be_read_is_apart() {
        let mut looks = Looks::default();
        looks.add(&"50%".into(), NOW);
        assert_eq!((next(&looks, NOW), looks.next_unseen()), (None, Some(NOW)));
        assert_eq!(looks.take_unseen(NOW).as_deref(), Some("50%"));
        for (id, at) in [("a", NOW), ("b", after(9)), ("c", after(3601))] {
            looks.add(&id.into(), at);
        }
        assert!(looks.deny(NOW) && !looks.deny(NOW));
        assert_eq!(looks.take_unseen(after(9)).as_deref(), Some("a"));
        assert_eq!(looks.take_unseen(after(9)).as_deref(), Some("b"));
        looks.add(&"d".into(), after(10));
        assert_eq!(looks.next_unseen(), Some(after(10)));
        assert_eq!(next(&looks, NOW), Some(after(3601)), "then it is tried again");
    }

    #[test]
    fn a_pause_delays_readings() {
        let mut looks = Looks::default();
        looks.add(&"a".into(), NOW);
        looks.add(&"b".into(), after(9));
        looks.rest(after(5));
        assert_eq!(next(&looks, NOW), Some(after(5)));
        assert!(looks.contains(&"a".into()) && looks.contains(&"b".into()));
        looks.remove(&"a".into());
        assert_eq!(next(&looks, NOW), Some(after(9)));
    }

    #[test]
    fn readings_that_fail_are_made_less_and_less() {
        let mut looks = Looks::default();
        looks.add(&"a".into(), NOW);
        let first = looks.failed(NOW, Duration::ZERO);
        assert!((after(2)..=after(4)).contains(&first), "{first:?}");
        assert_eq!(next(&looks, NOW), Some(first));
        assert_eq!(
            looks.failed(NOW, Duration::from_mins(9)),
            after(540),
            "what was asked for counts"
        );
        looks.work();
        assert_eq!((next(&looks, NOW), looks.are_failing()), (Some(NOW), false));
    }

    #[test]
    fn what_is_not_seen_for_long_is_judged_by_time() {
        let mut looks = Looks::default();
        looks.add(&"a".into(), NOW);
        let fail = |looks: &mut Looks| {
            looks.failed(NOW, Duration::ZERO);
            looks.turn_blind(NOW)
        };
        assert!((0..9).all(|_| !fail(&mut looks)), "the portal takes no answers either");
        looks.answer_taken();
        assert!(fail(&mut looks));
        assert_eq!(looks.take_unseen(NOW).as_deref(), Some("a"));
        looks.add(&"b".into(), after(601));
        assert_eq!(next(&looks, NOW), Some(after(601)), "then it is tried again");
    }

    #[test]
    fn one_request_of_readings_is_under_way_at_once() {
        let mut looks = Looks::default();
        looks.add(&"a".into(), NOW);
        looks.goes();
        assert_eq!(next(&looks, NOW), None);
        looks.is_back();
        assert_eq!(next(&looks, NOW), Some(NOW));
    }
}
