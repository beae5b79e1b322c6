//! Texts as PostgreSQL can keep them.

use std::borrow::Cow;

/// A text without NUL, which the database's texts can't have. No portal sends one in the names, ids and tokens that are kept as text;
/// properties are kept as bytes.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}

pub(super) fn part(triple: Option<&[String; 3]>, index: usize) -> Option<Cow<'_, str>> {
    triple.map(|triple| text(&triple[index]))
}

pub(super) fn optional(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(self::text)
}
