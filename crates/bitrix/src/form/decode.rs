use bytes::Bytes;

use super::{
    FormError, Limits,
    array::{Array, Value},
    pairs,
    tree::Tree,
};

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
