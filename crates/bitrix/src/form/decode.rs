use bytes::BytesMut;

use super::array::{Array, Value, share};
use super::key::KeyRef;
use super::percent;

/// Deeper than this no limit goes: the tree is dropped and printed by recursion.
const DEPTH_CEILING: usize = 256;

/// Arrays in all, for each pair that the limits allow. An array costs 20 times the two bytes that make one (`[]`);
/// genuine forms have fewer arrays than pairs.
const ARRAYS_A_PAIR: usize = 4;

/// How much form is taken. PHP's own limits are 1,000 pairs and depth 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `name=value` pairs (PHP's `max_input_vars`, where the rest is cut silently).
    pub pairs: usize,
    /// Brackets after one name (PHP's `max_input_nesting_level`, where the pair is dropped silently); 256 at most.
    pub depth: usize,
    /// Bytes of the body.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pairs: 10_000,
            depth: 64,
            bytes: 8 * 1024 * 1024,
        }
    }
}

/// Why a form is refused. All are limits: any bytes within them decode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The body is larger than [`Limits::bytes`].
    #[error("the form has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The body's size.
        bytes: usize,
        /// The limit in force.
        limit: usize,
    },
    /// More pairs than [`Limits::pairs`].
    #[error("the form has more than {limit} name=value pairs")]
    TooManyPairs {
        /// The limit in force.
        limit: usize,
    },
    /// A name with more brackets than [`Limits::depth`].
    #[error("the form nests the field {field:?} more than {limit} levels deep")]
    TooDeep {
        /// The beginning of the field's top-level name.
        field: String,
        /// The limit in force.
        limit: usize,
    },
    /// More nested arrays in all than four for each pair of [`Limits::pairs`].
    #[error("the form has more than {limit} nested arrays")]
    TooManyArrays {
        /// The limit in force.
        limit: usize,
    },
}

/// Decodes a form body as PHP's `parse_str` does, in one pass and in time linear in its length.
///
/// Like PHP's, a form ends at a raw NUL byte and a name at an encoded one.
///
/// # Errors
///
/// Only when a limit is passed, where PHP would cut or drop silently.
pub fn decode(body: &[u8], limits: &Limits) -> Result<Array, FormError> {
    if body.len() > limits.bytes {
        return Err(FormError::TooLarge {
            bytes: body.len(),
            limit: limits.bytes,
        });
    }
    let mut rest = before_nul(body);
    // Decoding never makes a text longer, so all texts and keys fit into one buffer that they share.
    let mut form = Form {
        root: Array::default(),
        buffer: BytesMut::with_capacity(rest.len()),
        depth: limits.depth.min(DEPTH_CEILING),
        arrays: 0,
        arrays_limit: limits.pairs.saturating_mul(ARRAYS_A_PAIR),
    };
    let (mut name, mut text) = (Vec::new(), Vec::new());
    let mut pairs = 0;
    while !rest.is_empty() {
        let (pair, tail) = split(rest, b'&');
        rest = tail;
        if pair.is_empty() {
            continue;
        }
        pairs += 1;
        if pairs > limits.pairs {
            return Err(FormError::TooManyPairs { limit: limits.pairs });
        }
        let (encoded_name, encoded_value) = split(pair, b'=');
        name.clear();
        percent::decode(encoded_name, &mut name);
        text.clear();
        percent::decode(encoded_value, &mut text);
        let value = share(&text, &mut form.buffer);
        name.truncate(before_nul(&name).len());
        form.register(&mut name, Value::Text(value))?;
    }
    Ok(form.root)
}

struct Form {
    root: Array,
    buffer: BytesMut,
    depth: usize,
    arrays: usize,
    arrays_limit: usize,
}

impl Form {
    /// PHP's `php_register_variable_ex`: puts one value where its name says.
    fn register(&mut self, name: &mut [u8], value: Value) -> Result<(), FormError> {
        let blanks = name.iter().take_while(|byte| **byte == b' ').count();
        let name = &mut name[blanks..];
        let cookies = CookiePrefixes::of(name);
        let open = name.iter().position(|byte| *byte == b'[').unwrap_or(name.len());
        mangle(&mut name[..open]);
        if open == 0 || cookies.forbid(&name[..open]) {
            return Ok(());
        }
        if open == name.len() {
            self.root.set(KeyRef::new(name), value, &mut self.buffer);
            return Ok(());
        }
        if !name.ends_with(b"]") && matches!(subscript(&name[open + 1..]), Subscript::Unclosed) {
            // No subscript after all: the bracket and what follows belong to the name.
            mangle(&mut name[open..]);
            if !cookies.forbid(name) {
                self.root.set(KeyRef::new(name), value, &mut self.buffer);
            }
            return Ok(());
        }

        let name = &*name;
        let mut array = &mut self.root;
        let mut key = Some(&name[..open]);
        let mut rest = &name[open..];
        let mut level = 0;
        while let Some(after_bracket) = rest.strip_prefix(b"[") {
            level += 1;
            if level > self.depth {
                let field = String::from_utf8_lossy(&name[..open.min(60)]).into_owned();
                return Err(FormError::TooDeep {
                    field,
                    limit: self.depth,
                });
            }
            let (next, tail) = match subscript(after_bracket) {
                Subscript::Append(tail) => (None, tail),
                Subscript::Key(key, tail) => (Some(key), tail),
                Subscript::Unclosed => break,
            };
            let (child, new) = match key {
                Some(key) => array.child(KeyRef::new(key), &mut self.buffer),
                None => match array.push(Value::Array(Array::default())) {
                    Some(Value::Array(child)) => (child, true),
                    _ => return Ok(()),
                },
            };
            self.arrays += usize::from(new);
            if self.arrays > self.arrays_limit {
                return Err(FormError::TooManyArrays {
                    limit: self.arrays_limit,
                });
            }
            if next.is_some_and(|key| cookies.forbid(key)) {
                return Ok(());
            }
            array = child;
            key = next;
            rest = tail;
        }
        match key {
            Some(key) => array.set(KeyRef::new(key), value, &mut self.buffer),
            None => drop(array.push(value)),
        }
        Ok(())
    }
}

/// Prefixes with a meaning for cookies: PHP drops a pair in which a key has one that the name didn't begin with.
struct CookiePrefixes {
    host: bool,
    secure: bool,
}

impl CookiePrefixes {
    fn of(name: &[u8]) -> Self {
        Self {
            host: name.starts_with(b"__Host-"),
            secure: name.starts_with(b"__Secure-"),
        }
    }

    fn forbid(&self, key: &[u8]) -> bool {
        key.starts_with(b"__") && {
            let key = Self::of(key);
            (key.host && !self.host) || (key.secure && !self.secure)
        }
    }
}

/// What follows an opening bracket. The tails begin after the closing one; text between brackets ends the name.
enum Subscript<'a> {
    /// `[]`, or with one white-space character in it.
    Append(&'a [u8]),
    Key(&'a [u8], &'a [u8]),
    Unclosed,
}

fn subscript(after_bracket: &[u8]) -> Subscript<'_> {
    let skipped = usize::from(
        after_bracket
            .first()
            .is_some_and(|byte| b" \t\n\x0b\x0c\r".contains(byte)),
    );
    match after_bracket[skipped..].iter().position(|byte| *byte == b']') {
        Some(0) => Subscript::Append(&after_bracket[skipped + 1..]),
        Some(close) => Subscript::Key(&after_bracket[..skipped + close], &after_bracket[skipped + close + 1..]),
        None => Subscript::Unclosed,
    }
}

/// Replaces what a PHP variable name can't hold.
fn mangle(name: &mut [u8]) {
    for byte in name {
        if matches!(*byte, b' ' | b'.' | b'[') {
            *byte = b'_';
        }
    }
}

fn before_nul(bytes: &[u8]) -> &[u8] {
    split(bytes, 0).0
}

/// Splits at the first `separator`, which belongs to neither part.
fn split(bytes: &[u8], separator: u8) -> (&[u8], &[u8]) {
    match memchr::memchr(separator, bytes) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}
