//! Reading single fields: strict about UTF-8, tolerant about everything a step can be run without.

use super::PostError;
use crate::Secret;
use crate::form::{Array, Value};

/// A text field; `None` when missing or an array.
///
/// # Errors
///
/// [`PostError::BadUtf8`] naming the field.
pub(super) fn text(form: &Array, name: &'static str) -> Result<Option<String>, PostError> {
    match form.get(name).and_then(Value::as_str) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text.to_owned())),
        Some(Err(_)) => Err(PostError::BadUtf8 { field: name }),
    }
}

/// A text field; `None` when missing, an array or empty.
pub(super) fn filled(form: &Array, name: &'static str) -> Result<Option<String>, PostError> {
    Ok(text(form, name)?.filter(|text| !text.is_empty()))
}

/// A text field that must be there and not be empty.
pub(super) fn required(form: &Array, name: &'static str) -> Result<String, PostError> {
    filled(form, name)?.ok_or(PostError::Missing { field: name })
}

/// A token; `None` when missing, an array or empty.
pub(super) fn secret(form: &Array, name: &'static str) -> Result<Option<Secret>, PostError> {
    Ok(filled(form, name)?.map(Secret::from))
}

/// A decimal number; `None` when missing or anything else.
pub(super) fn number<N: std::str::FromStr>(form: &Array, name: &str) -> Option<N> {
    form.get(name)?.as_str()?.ok()?.trim().parse().ok()
}

/// A document's or document type's three parts. A null module is not sent at all: it reads as `""`.
///
/// `None` when missing or when entity and id (type) aren't texts.
pub(super) fn triple(form: &Array, name: &'static str) -> Result<Option<[String; 3]>, PostError> {
    let Some(parts) = form.get(name).and_then(Value::as_array) else {
        return Ok(None);
    };
    let part = |index| match parts.get(index).and_then(Value::as_str) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text.to_owned())),
        Some(Err(_)) => Err(PostError::BadUtf8 { field: name }),
    };
    let (module, entity, id) = (part("0")?.unwrap_or_default(), part("1")?, part("2")?);
    Ok(entity.zip(id).map(|(entity, id)| [module, entity, id]))
}
