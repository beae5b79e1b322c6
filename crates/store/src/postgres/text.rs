//! Texts as PostgreSQL can keep them.

use std::borrow::Cow;

/// A text without NUL, which the database's texts can't have: U+FFFD stands for it. No portal sends one in the names, ids and tokens
/// that are kept as text.
pub fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}
