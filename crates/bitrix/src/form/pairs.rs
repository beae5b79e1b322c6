use std::ops::Range;

use super::FormError;
use super::hex::hex;
use super::name::Name;

/// One `name=value` of a form, decoded, as places in the form's text.
pub(super) struct Pair {
    pub(super) name: Name,
    pub(super) value: Range<usize>,
}

/// Splits a form and decodes it on the way: `+` is a blank, a `%` without two hex digits stays.
///
/// Decoding never makes a text longer, so all names and values fit into one buffer that they share from then on.
/// Pairs that PHP ignores for their name are left out.
pub(super) fn read(body: &[u8], limit: usize) -> Result<(Vec<u8>, Vec<Pair>), FormError> {
    let body = memchr::memchr(0, body).map_or(body, |end| &body[..end]);
    let mut text = Vec::with_capacity(body.len());
    // A callback has 10 to 40 pairs.
    let mut pairs = Vec::with_capacity(32);
    let (mut rest, mut count) = (body, 0);
    while let Some(&first) = rest.first() {
        if first == b'&' {
            rest = &rest[1..];
            continue;
        }
        count += 1;
        if count > limit {
            return Err(FormError::TooManyPairs { limit });
        }
        let start = text.len();
        rest = decode(rest, &mut text, |rest| {
            rest.iter().position(|byte| matches!(byte, b'&' | b'%' | b'+' | b'='))
        });
        let name_end = text.len();
        if let Some(value) = rest.strip_prefix(b"=") {
            rest = decode(value, &mut text, |rest| memchr::memchr3(b'&', b'%', b'+', rest));
        }
        if let Some(name) = Name::prepare(&mut text, start..name_end) {
            let value = name_end..text.len();
            pairs.push(Pair { name, value });
        }
    }
    Ok((text, pairs))
}

/// Decodes up to the first byte that `special` finds and that is neither `+` nor `%`; gives what is left with that byte.
fn decode<'a>(mut rest: &'a [u8], text: &mut Vec<u8>, special: impl Fn(&[u8]) -> Option<usize>) -> &'a [u8] {
    loop {
        match rest {
            [b'+', tail @ ..] => {
                text.push(b' ');
                rest = tail;
            }
            [b'%', high, low, tail @ ..] if let Some(byte) = hex(*high, *low) => {
                text.push(byte);
                rest = tail;
            }
            _ => {
                let kept = usize::from(rest.first() == Some(&b'%'));
                let end = special(&rest[kept..]).map_or(rest.len(), |at| kept + at);
                text.extend_from_slice(&rest[..end]);
                rest = &rest[end..];
                if !matches!(rest, [b'+' | b'%', ..]) {
                    return rest;
                }
            }
        }
    }
}
