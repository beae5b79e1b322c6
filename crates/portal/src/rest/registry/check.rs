//! What the server checks of a definition, each check on its own; the order is the callers'.

use serde_json::Value;

use super::invalid;
use crate::{
    context::Failure,
    php::{
        cast::{is_array, is_empty, is_scalar, to_text},
        json::{element, elements},
        text::trim,
        url,
    },
};

/// `CODE`: text of Latin letters, digits, `.`, `-`, `_`; one line break at the end slips through.
pub(super) fn code(code: Option<&Value>) -> Result<&str, Failure> {
    if is_empty(code) {
        return Err(invalid("Empty activity code!"));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match code {
        Some(Value::String(text)) if matches_line(text, |line| line.chars().all(allowed)) => Ok(text),
        _ => Err(invalid("Wrong activity code!")),
    }
}

/// A pattern `^…$` without the D modifier: it also matches before a final line break.
fn matches_line(text: &str, matches: impl Fn(&str) -> bool) -> bool {
    let line = text.strip_suffix('\n').unwrap_or(text);
    !line.is_empty() && matches(line)
}

/// `HANDLER` and `PLACEMENT_HANDLER`: a host with a dot that is not its first character, then exactly `http` or `https`.
pub(crate) fn handler(handler: Option<&Value>) -> Result<(), Failure> {
    let handler = handler.unwrap_or(&Value::Null);
    if is_array(handler) {
        return Err(Failure::Php("TypeError".into()));
    }
    let parts = url::parse(&to_text(handler));
    let Some(parts) = parts.filter(|parts| {
        parts
            .host
            .as_deref()
            .and_then(|host| host.find('.'))
            .is_some_and(|dot| dot > 0)
    }) else {
        return Err(Failure::bad("ERROR_WRONG_HANDLER_URL", "Wrong handler URL"));
    };
    if matches!(parts.scheme.as_deref(), Some("http" | "https")) {
        Ok(())
    } else {
        Err(Failure::bad(
            "ERROR_UNSUPPORTED_PROTOCOL",
            "Unsupported handler protocol",
        ))
    }
}

/// `PROPERTIES` and `RETURN_PROPERTIES`: keys, then each definition's `NAME`.
pub(super) fn properties(properties: &Value) -> Result<(), Failure> {
    if !is_array(properties) {
        return Err(invalid("Wrong properties array!"));
    }
    for (key, definition) in elements(properties) {
        let word = |line: &str| {
            line.starts_with(|c: char| c.is_ascii_alphabetic())
                && line.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !matches_line(&key, word) {
            return Err(invalid(format!("Wrong property key ({key})!")));
        }
        if is_empty(element(definition, "NAME")) {
            return Err(invalid(format!("Empty property NAME ({key})!")));
        }
    }
    Ok(())
}

/// `DOCUMENT_TYPE`: of three or more elements the first three are module, entity and type, of two entity and type. Entity and type must be
/// scalars that are not blank; the module may be empty or anything but a bad name.
pub(super) fn document_type(document_type: &Value) -> Result<(), Failure> {
    let part = |key: &str| match element(document_type, key).filter(|part| is_scalar(part)) {
        Some(part) => trim(&to_text(part)).to_owned(),
        None => String::new(),
    };
    let (module, entity, kind) = match elements(document_type).len() {
        0 | 1 => (String::new(), String::new(), String::new()),
        2 => (String::new(), part("0"), part("1")),
        _ => (part("0"), part("1"), part("2")),
    };
    let bad_module = module != "0"
        && !module
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    if kind.is_empty() || entity.is_empty() || bad_module {
        return Err(invalid("Wrong activity DOCUMENT_TYPE!"));
    }
    Ok(())
}

/// `FILTER`: any array.
pub(super) fn filter(filter: &Value) -> Result<(), Failure> {
    if is_array(filter) {
        Ok(())
    } else {
        Err(invalid("Wrong activity FILTER!"))
    }
}
