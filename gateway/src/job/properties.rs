//! A callback's properties: a form in memory, its bytes unchanged in the store.

use std::fmt;

use bitrix::form::{self, Array};

const FIELD: &[u8] = b"properties";

/// The values that the workflow's author gave the step.
#[derive(Default)]
pub(crate) struct Properties(Array);

impl Properties {
    pub(crate) fn new(form: Array) -> Self {
        Self(form)
    }

    /// Reads what [`property_pairs`] kept.
    pub(crate) fn of_pairs(pairs: &[u8]) -> Self {
        // As many as there are: the limits applied when the callback was accepted.
        let limits = form::Limits {
            pairs: usize::MAX,
            depth: usize::MAX,
            bytes: usize::MAX,
        };
        let form = form::decode(pairs, &limits).unwrap_or_default();
        match form.get("properties") {
            Some(form::Value::Array(properties)) => Self(properties.clone()),
            _ => Self::default(),
        }
    }

    pub(crate) fn form(&self) -> &Array {
        &self.0
    }
}

impl std::fmt::Debug for Properties {
    /// The number alone: they are the customer's data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} properties]", self.0.len())
    }
}

/// The pairs of a body that make up `properties`, unchanged and in their order. Tokens are in other pairs, and what
/// isn't kept can't leak.
pub(crate) fn property_pairs(body: &[u8]) -> Vec<u8> {
    let body = &body[..memchr::memchr(0, body).unwrap_or(body.len())];
    let mut kept = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b'&', body).chain([body.len()]) {
        let pair = &body[start..end];
        start = end + 1;
        if belongs(pair) {
            if !kept.is_empty() {
                kept.push(b'&');
            }
            kept.extend_from_slice(pair);
        }
    }
    kept
}

/// Whether a pair's top-level name is `properties` as PHP reads it: decoded, without leading blanks. Stops at the first byte
/// that differs.
fn belongs(pair: &[u8]) -> bool {
    let name = &pair[..memchr::memchr(b'=', pair).unwrap_or(pair.len())];
    percent_encoding::percent_decode(name)
        .map(|byte| if byte == b'+' { b' ' } else { byte })
        .skip_while(|byte| *byte == b' ')
        .take(FIELD.len())
        .eq(FIELD.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(body: &[u8]) -> Array {
        match form::decode(body, &form::Limits::default()).unwrap().get("properties") {
            Some(form::Value::Array(properties)) => properties.clone(),
            _ => Array::default(),
        }
    }

    #[test]
    fn the_kept_pairs_read_as_the_body_did() {
        for body in [
            "",
            "properties=x",
            "properties[a]=1&auth[access_token]=secret&properties[b]=2",
            "properties%5Ba%5D=1&properties%5Ba%5D=2",
            "%70roperties[a]=1&+properties[b]=2&%20%70roperties[c]=3",
            "properties=x&properties[a]=1",
            "properties[a]=1&properties=x",
            "properties[a][]=1&properties[a][]=2&properties[a][5]=3",
            "properties_=1&properties.x=2&propertiesX[a]=3&properties[ok]=4",
            "properties[a=1&properties[b]=2",
            "propert%69es[a]=1&properties%00[b]=2",
            "properties[a]=1\0&properties[b]=2",
            "Properties[a]=1&a+properties[b]=2",
            "x=%00&&&properties[a]=%00&=properties[b]",
            "properties%5ba%5d=%FF%FE",
            "\u{b}properties[a]=1&\tproperties[b]=1",
        ] {
            let kept = property_pairs(body.as_bytes());
            assert_eq!(
                *Properties::of_pairs(&kept).form(),
                properties(body.as_bytes()),
                "{body}"
            );
            assert!(!kept.windows(6).any(|part| part == b"secret"), "{body}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let kept = Properties::of_pairs(b"properties[a]=private");
        assert_eq!(format!("{kept:?}"), "[1 properties]");
    }

    proptest::proptest! {
        #[test]
        fn any_body_keeps_its_properties(body in "((\\+|%20|%00|x)?(properties|%70roperties|auth)(\\[[a-c]?\\]|%5B[a-c]%5D|\\[|_|\\.)?(\\[\\])?(=[a-z%+]{0,3})?&?){0,8}") {
            let kept = property_pairs(body.as_bytes());
            let kept = Properties::of_pairs(&kept);
            proptest::prop_assert_eq!(kept.form(), &properties(body.as_bytes()));
        }
    }
}
