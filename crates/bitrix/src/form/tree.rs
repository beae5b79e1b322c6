use bytes::Bytes;

use super::array::{Array, Value};
use super::key::KeyRef;
use super::name::{Name, Subscript, subscript};
use super::{FormError, Limits};

/// Deeper than this no limit goes: the tree is dropped and printed by recursion.
const DEPTH_CEILING: usize = 256;

/// Arrays in all, for each pair that the limits allow. An array costs 20 times the two bytes that make one (`[]`);
/// genuine forms have fewer arrays than pairs.
const ARRAYS_A_PAIR: usize = 4;

/// Fields at the top of a callback.
const TOP_LEVEL: usize = 12;

/// A form in the making.
pub(super) struct Tree<'a> {
    root: Array,
    /// The form's text, of which keys become parts.
    text: &'a Bytes,
    depth: usize,
    arrays: usize,
    arrays_limit: usize,
}

impl<'a> Tree<'a> {
    pub(super) fn new(text: &'a Bytes, limits: &Limits) -> Self {
        Self {
            root: Array::with_capacity(TOP_LEVEL),
            text,
            depth: limits.depth.min(DEPTH_CEILING),
            arrays: 0,
            arrays_limit: limits.pairs.saturating_mul(ARRAYS_A_PAIR),
        }
    }

    pub(super) fn into_root(self) -> Array {
        self.root
    }

    /// PHP's `php_register_variable_ex`: puts one value where its name says.
    pub(super) fn register(&mut self, name: &Name, value: Value) -> Result<(), FormError> {
        let Name { place, open, cookies } = name;
        let name = &self.text[place.clone()];
        let mut array = &mut self.root;
        let mut key = Some(&name[..*open]);
        let mut rest = &name[*open..];
        let mut level = 0;
        while let Some(after_bracket) = rest.strip_prefix(b"[") {
            level += 1;
            if level > self.depth {
                let field = String::from_utf8_lossy(&name[..(*open).min(60)]).into_owned();
                let limit = self.depth;
                return Err(FormError::TooDeep { field, limit });
            }
            let (next, tail) = match subscript(after_bracket) {
                Subscript::Append(tail) => (None, tail),
                Subscript::Key(key, tail) => (Some(key), tail),
                Subscript::Unclosed => break,
            };
            let (child, new) = match key {
                Some(key) => array.child(KeyRef::new(key), self.text),
                None => match array.push(Value::Array(Array::default())) {
                    Some(Value::Array(child)) => (child, true),
                    _ => return Ok(()),
                },
            };
            self.arrays += usize::from(new);
            if self.arrays > self.arrays_limit {
                let limit = self.arrays_limit;
                return Err(FormError::TooManyArrays { limit });
            }
            if next.is_some_and(|key| cookies.forbid(key)) {
                return Ok(());
            }
            array = child;
            key = next;
            rest = tail;
        }
        match key {
            Some(key) => array.set(KeyRef::new(key), value, self.text),
            None => drop(array.push(value)),
        }
        Ok(())
    }
}
