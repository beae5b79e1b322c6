//! What is due when: each key once, at the earliest time that was asked for.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

use crate::job::Millis;

#[derive(Debug)]
pub(super) struct Schedule<K> {
    by_time: BTreeSet<(Millis, K)>,
    times: HashMap<K, Millis>,
}

impl<K: Ord + Hash + Clone> Schedule<K> {
    /// Whether that is earlier than what was known.
    pub(super) fn add(&mut self, key: &K, at: Millis) -> bool {
        match self.times.get_mut(key) {
            Some(before) if *before <= at => return false,
            Some(before) => {
                self.by_time.remove(&(*before, key.clone()));
                *before = at;
            }
            None => {
                self.times.insert(key.clone(), at);
            }
        }
        self.by_time.insert((at, key.clone()));
        true
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        let at = self.times.remove(key);
        at.is_some_and(|at| self.by_time.remove(&(at, key.clone())))
    }

    /// The first, if it is due at `now`.
    pub(super) fn pop_due(&mut self, now: Millis) -> Option<K> {
        self.first().filter(|at| *at <= now)?;
        let (_, key) = self.by_time.pop_first()?;
        self.times.remove(&key);
        Some(key)
    }

    /// When the first is due.
    pub(super) fn first(&self) -> Option<Millis> {
        self.by_time.first().map(|(at, _)| *at)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.times.contains_key(key)
    }

    /// Those that are due at `now`, the first in front.
    pub(super) fn due(&self, now: Millis) -> impl Iterator<Item = &K> + Clone {
        let due = self.by_time.iter().take_while(move |(at, _)| *at <= now);
        due.map(|(_, key)| key)
    }

    /// When the first is due that is not due at `now`.
    pub(super) fn later(&self, now: Millis) -> Option<Millis> {
        self.by_time.iter().map(|(at, _)| *at).find(|at| *at > now)
    }
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Self {
            by_time: BTreeSet::new(),
            times: HashMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_time_counts() {
        let mut schedule = Schedule::default();
        assert!(schedule.add(&"a", Millis(5)));
        assert!(!schedule.add(&"a", Millis(5)) && !schedule.add(&"a", Millis(9)));
        assert!(schedule.add(&"a", Millis(3)) && schedule.add(&"b", Millis(4)));
        assert_eq!(
            (schedule.first(), schedule.later(Millis(3))),
            (Some(Millis(3)), Some(Millis(4)))
        );
        assert_eq!(schedule.due(Millis(4)).collect::<Vec<_>>(), [&"a", &"b"]);
        assert_eq!(schedule.pop_due(Millis(2)), None);
        assert_eq!(schedule.pop_due(Millis(9)), Some("a"));
        assert!(!schedule.contains(&"a") && schedule.contains(&"b"));
        assert!(schedule.remove(&"b") && !schedule.remove(&"b"));
        assert_eq!((schedule.first(), schedule.pop_due(Millis(9))), (None, None));
    }
}
