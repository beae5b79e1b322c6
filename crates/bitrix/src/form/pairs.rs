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
    let mut text = vec![0; body.len()];
    // A callback has 10 to 40 pairs.
    let mut pairs = Vec::with_capacity(32);
    let (mut read, mut written, mut count) = (0, 0, 0);
    while read < body.len() {
        if body[read] == b'&' {
            read += 1;
            continue;
        }
        count += 1;
        if count > limit {
            return Err(FormError::TooManyPairs { limit });
        }
        let start = written;
        let mut name_end = None;
        while let Some(&byte) = body.get(read) {
            read += 1;
            text[written] = match byte {
                b'&' => break,
                b'=' if name_end.is_none() => {
                    name_end = Some(written);
                    continue;
                }
                b'+' => b' ',
                b'%' => match body.get(read..read + 2).and_then(hex) {
                    Some(decoded) => {
                        read += 2;
                        decoded
                    }
                    None => byte,
                },
                _ => byte,
            };
            written += 1;
        }
        let name_end = name_end.unwrap_or(written);
        if let Some(name) = Name::prepare(&mut text, start..name_end) {
            let value = name_end..written;
            pairs.push(Pair { name, value });
        }
    }
    text.truncate(written);
    Ok((text, pairs))
}
