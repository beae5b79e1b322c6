use std::fmt;
use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use hashbrown::HashTable;

use super::key::{Key, KeyRef};

/// Up to this many elements a scan is quicker than a hash (a callback's arrays have 1 to 17 elements).
const SCANNED: usize = 16;

/// What a form holds under a key.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, possibly not UTF-8. All texts of a form share one buffer.
    Text(Bytes),
    /// A nested array.
    Array(Array),
}

impl Value {
    /// The bytes of a text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Array(_) => None,
        }
    }

    /// A text as UTF-8: `None` for an array.
    pub fn as_str(&self) -> Option<Result<&str, std::str::Utf8Error>> {
        self.as_bytes().map(str::from_utf8)
    }

    /// The nested array.
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Self::Text(_) => None,
            Self::Array(array) => Some(array),
        }
    }
}

impl fmt::Debug for Value {
    /// Shows the shape only: a form carries tokens and users' data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "[{} bytes]", text.len()),
            Self::Array(array) => array.fmt(f),
        }
    }
}

/// PHP's ordered map: keys in the order of first appearance, look-ups in constant time whatever the keys.
#[derive(Clone, Default)]
pub struct Array {
    entries: Vec<(Key, Value)>,
    /// The key that the next `[]` takes: one more than the largest integer key so far, 0 while there is none.
    next: Option<i64>,
    /// Positions by key, once there are more than [`SCANNED`] entries.
    index: Option<Box<Index>>,
}

/// Iterates over an [`Array`] in PHP's order.
pub type Iter<'a> = std::iter::Map<std::slice::Iter<'a, (Key, Value)>, fn(&'a (Key, Value)) -> (&'a Key, &'a Value)>;

#[derive(Clone, Default)]
struct Index {
    positions: HashTable<usize>,
    /// Seeded at random: a stranger can't choose colliding keys.
    hasher: RandomState,
}

impl Array {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value under `key`, spelled as in a form: `"0"` finds the integer key 0.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let position = self.position(KeyRef::new(key.as_bytes()))?;
        Some(&self.entries[position].1)
    }

    /// Keys and values in PHP's order.
    pub fn iter(&self) -> Iter<'_> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// Whether the keys are 0, 1, … n-1 in this order (PHP's `array_is_list`; true when empty).
    pub fn is_list(&self) -> bool {
        self.entries
            .iter()
            .zip(0..)
            .all(|((key, _), expected)| *key == Key::Int(expected))
    }

    /// Moves the value under `key` out and leaves an empty text there.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        let position = self.position(KeyRef::new(key.as_bytes()))?;
        Some(std::mem::replace(
            &mut self.entries[position].1,
            Value::Text(Bytes::new()),
        ))
    }

    pub(super) fn with_capacity(elements: usize) -> Self {
        Self {
            entries: Vec::with_capacity(elements),
            ..Self::default()
        }
    }

    /// Sets `key`, keeping its place when it exists. A new key is a part of `text`.
    pub(super) fn set(&mut self, key: KeyRef<'_>, value: Value, text: &Bytes) {
        match self.position(key) {
            Some(position) => self.entries[position].1 = value,
            None => self.add(owned(key, text), value),
        }
    }

    /// The array under `key`, made when there is none; a text gives way to it. The flag tells whether it is new.
    pub(super) fn child(&mut self, key: KeyRef<'_>, text: &Bytes) -> (&mut Array, bool) {
        let position = self.position(key).unwrap_or_else(|| {
            self.add(owned(key, text), Value::Text(Bytes::new()));
            self.entries.len() - 1
        });
        let value = &mut self.entries[position].1;
        let new = matches!(value, Value::Text(_));
        if new {
            *value = Value::Array(Array::default());
        }
        match value {
            Value::Array(array) => (array, new),
            Value::Text(_) => unreachable!("replaced above"),
        }
    }

    /// Appends as `[]` does; `None` when the largest integer is taken and PHP drops the value.
    pub(super) fn push(&mut self, value: Value) -> Option<&mut Value> {
        let key = self.next.unwrap_or_default();
        if key == i64::MAX && self.position(KeyRef::Int(key)).is_some() {
            return None;
        }
        self.add(Key::Int(key), value);
        self.entries.last_mut().map(|(_, value)| value)
    }

    fn add(&mut self, key: Key, value: Value) {
        if let Key::Int(int) = key
            && self.next.is_none_or(|next| int >= next)
        {
            self.next = Some(int.saturating_add(1));
        }
        if self.entries.is_empty() {
            // Most arrays of a hostile form hold one element; `Vec` would begin with four.
            self.entries.reserve_exact(1);
        }
        self.entries.push((key, value));
        if let Some(index) = &mut self.index {
            index.add(&self.entries, self.entries.len() - 1);
        } else if self.entries.len() > SCANNED {
            let mut index = Box::<Index>::default();
            for position in 0..self.entries.len() {
                index.add(&self.entries, position);
            }
            self.index = Some(index);
        }
    }

    fn position(&self, key: KeyRef<'_>) -> Option<usize> {
        // `http_build_query` writes depth first: the array in work is the last one, a list's elements follow each other.
        let last = self.entries.len().checked_sub(1)?;
        if self.entries[last].0.borrow() == key {
            return Some(last);
        }
        match &self.index {
            None => self.entries[..last]
                .iter()
                .position(|(existing, _)| existing.borrow() == key),
            Some(index) => {
                let hash = index.hasher.hash_one(key);
                index
                    .positions
                    .find(hash, |position| self.entries[*position].0.borrow() == key)
                    .copied()
            }
        }
    }
}

impl Index {
    fn add(&mut self, entries: &[(Key, Value)], position: usize) {
        let hash = |position: &usize| self.hasher.hash_one(entries[*position].0.borrow());
        self.positions.insert_unique(hash(&position), position, hash);
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Array {}

impl<'a> IntoIterator for &'a Array {
    type Item = (&'a Key, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn owned(key: KeyRef<'_>, text: &Bytes) -> Key {
    match key {
        KeyRef::Int(int) => Key::Int(int),
        KeyRef::Text(key) => Key::Text(text.slice_ref(key)),
    }
}
