//! When which workflow is to be read. Readings of many go together.

use std::{sync::Arc, time::Duration};

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

pub(super) type Id = Arc<str>;

#[derive(Default)]
pub(super) struct Looks {
    due: Schedule<Id>,
    /// Of workflows that can't be read: they are judged by time.
    unseen: Schedule<Id>,
    denied_until: Millis,
    /// When workflows were last read.
    read: Millis,
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
        Some(first.max(self.read.after(distance)))
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

    /// Nothing can be read before then.
    pub(super) fn delay(&mut self, until: Millis) {
        while let Some(id) = self.due.pop_due(Millis(until.0 - 1)) {
            self.add(&id, until);
        }
    }

    /// The token's user may not read workflows; true when that is new.
    pub(super) fn deny(&mut self, now: Millis) -> bool {
        let new = self.denied_until <= now;
        self.denied_until = now.after(DENIED);
        while let Some(at) = self.due.first()
            && let Some(id) = self.due.pop_due(at)
        {
            self.add(&id, at);
            if at >= self.denied_until {
                break;
            }
        }
        new
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
        looks.delay(after(5));
        assert_eq!(next(&looks, NOW), Some(after(5)));
        assert!(looks.contains(&"a".into()) && looks.contains(&"b".into()));
        looks.remove(&"a".into());
        assert_eq!(next(&looks, NOW), Some(after(9)));
    }
}
