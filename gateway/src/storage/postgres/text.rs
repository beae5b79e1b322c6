//! Texts that may be missing, as PostgreSQL can keep them.

use std::borrow::Cow;

use store::postgres::text;

pub(super) fn part(triple: Option<&[String; 3]>, index: usize) -> Option<Cow<'_, str>> {
    triple.map(|triple| text(&triple[index]))
}

pub(super) fn optional(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(store::postgres::text)
}
