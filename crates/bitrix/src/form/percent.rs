use bytes::BufMut;

/// Appends `encoded` as PHP's `urldecode` reads it: `+` is a blank, a `%` without two hex digits stays.
pub(super) fn decode(encoded: &[u8], out: &mut impl BufMut) {
    let mut rest = encoded;
    while let Some(at) = memchr::memchr2(b'%', b'+', rest) {
        out.put_slice(&rest[..at]);
        let special = &rest[at..];
        rest = match special {
            [b'%', high, low, tail @ ..] if let (Some(high), Some(low)) = (digit(*high), digit(*low)) => {
                out.put_u8(high << 4 | low);
                tail
            }
            [byte, tail @ ..] => {
                out.put_u8(if *byte == b'+' { b' ' } else { *byte });
                tail
            }
            [] => special,
        };
    }
    out.put_slice(rest);
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
