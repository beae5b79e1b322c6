//! Parts of document ids and types, which may be missing.

use std::borrow::Cow;

use store::postgres::text;

pub(super) fn part(triple: Option<&[String; 3]>, index: usize) -> Option<Cow<'_, str>> {
    triple.map(|triple| text(&triple[index]))
}
