//! How much unproved input is kept: in all, and from one source.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    config::Limits,
    shares::{Shares, Size},
};

#[derive(Debug)]
pub(super) struct Places {
    limit: Size,
    per_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: Sum,
    /// Those of them whose write is not released yet: a count of the store's entries misses them.
    on_their_way: Sum,
}

#[derive(Debug, Default)]
struct Sum {
    all: Size,
    sources: Shares<String>,
}

/// A place taken before the store has the entry; given back when dropped, unless kept.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    source: String,
    bytes: usize,
    kept: bool,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limit: Size {
                entries: limits.quarantined,
                bytes: limits.quarantined_bytes,
            },
            per_source: limits.quarantined_per_source,
            taken: Mutex::default(),
        })
    }

    pub(super) fn take(self: &Arc<Self>, source: &str, bytes: usize) -> Option<Place> {
        let mut taken = self.taken.lock();
        let Sum { all, sources } = &taken.all;
        let free = self.limit.less(*all);
        let of_source = sources.of(source);
        if of_source.entries >= self.per_source || !of_source.may_grow(bytes, free) {
            return None;
        }
        taken.all.add(source, bytes);
        taken.on_their_way.add(source, bytes);
        Some(Place {
            places: self.clone(),
            source: source.to_owned(),
            bytes,
            kept: false,
        })
    }

    /// What the store has. Called in the order of the writes.
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
        self.all.add(Size::one(bytes));
        self.sources.add(source.to_owned(), Size::one(bytes));
    }

    fn remove(&mut self, source: &str, bytes: usize) {
        self.all.remove(Size::one(bytes));
        self.sources.remove(source, Size::one(bytes));
    }

    fn join(&mut self, other: &Self) {
        self.all.add(other.all);
        for (source, size) in other.sources.iter() {
            self.sources.add(source.clone(), size);
        }
    }
}

impl Place {
    /// The write is released; a place that was not needed is given back. Called in the order of the writes.
    pub(super) fn settle(mut self, needed: bool) {
        self.kept = needed;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.on_their_way.remove(&self.source, self.bytes);
        if !self.kept {
            taken.all.remove(&self.source, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Arc<Places> {
        let limits = Limits {
            quarantined: 4,
            quarantined_bytes: 100,
            quarantined_per_source: 2,
            ..Limits::default()
        };
        Places::new(&limits)
    }

    fn stored(places: &Arc<Places>, source: &str) {
        places.take(source, 1).unwrap().settle(true);
    }

    #[test]
    fn each_source_and_all_have_a_bound() {
        let places = places();
        stored(&places, "a");
        stored(&places, "a");
        assert!(places.take("a", 1).is_none(), "one source");
        assert!(places.take("b", 99).is_none(), "bytes");
        stored(&places, "b");
        stored(&places, "c");
        assert!(places.take("d", 1).is_none(), "all");
        places.set(vec![("b".into(), 1)]);
        assert!(places.take("a", 1).is_some());
    }

    #[test]
    fn there_is_a_place_for_another_source() {
        let limits = Limits {
            quarantined: 90,
            quarantined_bytes: 9000,
            ..Limits::default()
        };
        for bytes in [1, 1000] {
            let places = Places::new(&limits);
            for _ in 0..100 {
                for source in 0..8 {
                    if let Some(place) = places.take(&source.to_string(), bytes) {
                        place.settle(true);
                    }
                }
            }
            let taken = places.taken.lock().all.sources.len();
            assert_eq!(taken, 8, "each has some");
            assert!(places.take("portal", bytes).is_some(), "{bytes}");
        }
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
        stored(&places, "a");
        let on_its_way = places.take("b", 1).unwrap();
        places.set(vec![("a".into(), 1)]);
        stored(&places, "a");
        stored(&places, "c");
        assert!(places.take("d", 1).is_none(), "four there are");
        drop(on_its_way);
        assert!(places.take("a", 1).is_none(), "two of one source");
        assert!(places.take("d", 97).is_some());
    }

    #[test]
    fn an_insert_that_was_undone_leaves_its_place() {
        let places = places();
        let undone = places.take("a", 1).unwrap();
        places.set(Vec::new());
        drop(undone);
        assert!(places.take("a", 100).is_some());
    }
}
