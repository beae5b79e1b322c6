use bytes::Bytes;

use super::array::{Array, Value};
use super::pairs;
use super::tree::Tree;

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
        let (bytes, limit) = (body.len(), limits.bytes);
        return Err(FormError::TooLarge { bytes, limit });
    }
    let (text, pairs) = pairs::read(body, limits.pairs)?;
    let text = Bytes::from(text);
    let mut tree = Tree::new(&text, limits);
    for pair in &pairs {
        tree.register(&pair.name, Value::Text(text.slice(pair.value.clone())))?;
    }
    Ok(tree.into_root())
}
