//! How much of what nobody vouches for is kept: in all, and from one source.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use crate::config::Limits;

#[derive(Debug)]
pub(super) struct Places {
    entries: usize,
    bytes: usize,
    per_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: Sum,
    /// Those of them that a count of the store's entries misses.
    on_their_way: Sum,
}

#[derive(Debug, Default)]
struct Sum {
    entries: usize,
    bytes: usize,
    sources: HashMap<String, usize>,
}

/// A place taken before the store has the entry; given back when dropped, unless kept.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    source: String,
    bytes: usize,
    state: State,
}

#[derive(Debug, PartialEq)]
enum State {
    OnItsWay,
    Inserted,
    Kept,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            entries: limits.quarantined,
            bytes: limits.quarantined_bytes,
            per_source: limits.quarantined_per_source,
            taken: Mutex::default(),
        })
    }

    pub(super) fn take(self: &Arc<Self>, source: &str, bytes: usize) -> Option<Place> {
        let mut taken = self.taken.lock();
        let all = &taken.all;
        let of_source = all.sources.get(source).copied().unwrap_or_default();
        if all.entries >= self.entries || all.bytes + bytes > self.bytes || of_source >= self.per_source {
            return None;
        }
        taken.all.add(source, bytes);
        taken.on_their_way.add(source, bytes);
        Some(Place {
            places: self.clone(),
            source: source.to_owned(),
            bytes,
            state: State::OnItsWay,
        })
    }

    /// What the store has, inserts that aren't committed yet among it.
    pub(super) fn set(&self, entries: Vec<(String, u32)>) {
        let mut all = Sum::default();
        for (source, bytes) in entries {
            all.add(&source, bytes as usize);
        }
        let mut taken = self.taken.lock();
        all.join(&taken.on_their_way);
        taken.all = all;
    }
}

impl Sum {
    fn add(&mut self, source: &str, bytes: usize) {
        self.entries += 1;
        self.bytes += bytes;
        *self.sources.entry(source.to_owned()).or_default() += 1;
    }

    fn remove(&mut self, source: &str, bytes: usize) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(of_source) = self.sources.get_mut(source) {
            *of_source -= 1;
            if *of_source == 0 {
                self.sources.remove(source);
            }
        }
    }

    fn join(&mut self, other: &Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
        for (source, count) in &other.sources {
            *self.sources.entry(source.clone()).or_default() += count;
        }
    }
}

impl Place {
    /// The store's transaction has the entry: counts see it.
    pub(super) fn inserted(&mut self) {
        self.places.taken.lock().on_their_way.remove(&self.source, self.bytes);
        self.state = State::Inserted;
    }

    /// The transaction was committed.
    pub(super) fn keep(mut self) {
        self.state = State::Kept;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.state == State::Kept {
            return;
        }
        let mut taken = self.places.taken.lock();
        taken.all.remove(&self.source, self.bytes);
        if self.state == State::OnItsWay {
            taken.on_their_way.remove(&self.source, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Arc<Places> {
        let limits = Limits {
            quarantined: 3,
            quarantined_bytes: 100,
            quarantined_per_source: 2,
            ..Limits::default()
        };
        Places::new(&limits)
    }

    fn stored(places: &Arc<Places>, source: &str) {
        let mut place = places.take(source, 1).unwrap();
        place.inserted();
        place.keep();
    }

    #[test]
    fn each_source_and_all_have_a_bound() {
        let places = places();
        stored(&places, "a");
        stored(&places, "a");
        assert!(places.take("a", 1).is_none(), "one source");
        assert!(places.take("b", 99).is_none(), "bytes");
        stored(&places, "b");
        assert!(places.take("c", 1).is_none(), "all");
        places.set(vec![("b".into(), 1)]);
        assert!(places.take("a", 1).is_some());
    }

    #[test]
    fn a_place_that_is_not_kept_is_free_again() {
        let places = places();
        for _ in 0..10 {
            assert!(places.take("a", 60).is_some());
        }
    }

    #[test]
    fn a_count_takes_each_entry_once() {
        let places = places();
        let mut inserted = places.take("a", 1).unwrap();
        inserted.inserted();
        let on_its_way = places.take("b", 1).unwrap();
        places.set(vec![("a".into(), 1)]);
        inserted.keep();
        stored(&places, "a");
        assert!(places.take("c", 1).is_none(), "three there are");
        drop(on_its_way);
        assert!(places.take("a", 1).is_none(), "two of one source");
        assert!(places.take("c", 98).is_some());
    }

    #[test]
    fn an_insert_that_was_undone_leaves_its_place() {
        let places = places();
        let mut undone = places.take("a", 1).unwrap();
        undone.inserted();
        places.set(vec![("a".into(), 1)]);
        drop(undone);
        assert!(places.take("a", 100).is_some());
    }
}
