//! Who has how much of something bounded. A share is as large as what is free: alone one gets half of all, two that want all get a
//! third each, and there is always some for one that has nothing.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// So many entries of so many bytes in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// What each has.
#[derive(Debug)]
pub(crate) struct Shares<K>(HashMap<K, Size>);

impl Size {
    pub(crate) fn one(bytes: usize) -> Self {
        Self { entries: 1, bytes }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }

    pub(crate) fn remove(&mut self, other: Self) {
        *self = self.less(other);
    }

    /// What is left without the other; nothing less than nothing.
    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_sub(other.entries),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// Whether this share may have one entry more of so many bytes, while so much is free.
    pub(crate) fn may_grow(self, bytes: usize, free: Self) -> bool {
        self.entries < free.entries && self.bytes + bytes <= free.bytes
    }
}

impl<K: Eq + Hash> Shares<K> {
    pub(crate) fn of<Q: Eq + Hash + ?Sized>(&self, who: &Q) -> Size
    where
        K: Borrow<Q>,
    {
        self.0.get(who).copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, who: K, size: Size) {
        self.0.entry(who).or_default().add(size);
    }

    /// Who has nothing left is forgotten.
    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&mut self, who: &Q, size: Size)
    where
        K: Borrow<Q>,
    {
        if let Some(share) = self.0.get_mut(who) {
            share.remove(size);
            if share.entries == 0 {
                self.0.remove(who);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, Size)> {
        self.0.iter().map(|(who, size)| (who, *size))
    }

    /// How many have something.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<K> Default for Shares<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_and_go() {
        let mut shares = Shares::<String>::default();
        shares.add("a".into(), Size::one(7));
        shares.add("a".into(), Size::one(3));
        assert_eq!(shares.of("a"), Size { entries: 2, bytes: 10 });
        shares.remove("a", Size::one(3));
        shares.remove("a", Size::one(7));
        shares.remove("b", Size::one(7));
        assert_eq!((shares.of("a"), shares.len()), (Size::default(), 0));
    }

    #[test]
    fn a_share_is_as_large_as_what_is_free() {
        let free = Size { entries: 2, bytes: 10 };
        assert!(Size::default().may_grow(10, free));
        assert!(!Size::default().may_grow(11, free));
        assert!(Size { entries: 1, bytes: 4 }.may_grow(6, free));
        assert!(!Size { entries: 2, bytes: 4 }.may_grow(1, free));
    }
}
