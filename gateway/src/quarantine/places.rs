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
    kept: bool,
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
        let of_source = taken.sources.get(source).copied().unwrap_or_default();
        if taken.entries >= self.entries || taken.bytes + bytes > self.bytes || of_source >= self.per_source {
            return None;
        }
        taken.add(source, bytes);
        Some(Place {
            places: self.clone(),
            source: source.to_owned(),
            bytes,
            kept: false,
        })
    }

    /// What the store has. Entries on their way are missed until the next count: a few too many may come in.
    pub(super) fn set(&self, entries: Vec<(String, u32)>) {
        let mut counted = Taken::default();
        for (source, bytes) in entries {
            counted.add(&source, bytes as usize);
        }
        *self.taken.lock() = counted;
    }
}

impl Taken {
    fn add(&mut self, source: &str, bytes: usize) {
        self.entries += 1;
        self.bytes += bytes;
        *self.sources.entry(source.to_owned()).or_default() += 1;
    }
}

impl Place {
    /// The store has the entry.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let mut taken = self.places.taken.lock();
        taken.entries = taken.entries.saturating_sub(1);
        taken.bytes = taken.bytes.saturating_sub(self.bytes);
        if let Some(of_source) = taken.sources.get_mut(&self.source) {
            *of_source = of_source.saturating_sub(1);
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

    #[test]
    fn each_source_and_all_have_a_bound() {
        let places = places();
        places.take("a", 1).unwrap().keep();
        places.take("a", 1).unwrap().keep();
        assert!(places.take("a", 1).is_none(), "one source");
        assert!(places.take("b", 99).is_none(), "bytes");
        places.take("b", 1).unwrap().keep();
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
        let held = places.take("a", 60).unwrap();
        places.set(Vec::new());
        drop(held);
        assert!(places.take("a", 100).is_some());
    }
}
