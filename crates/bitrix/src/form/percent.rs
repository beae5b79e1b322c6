/// Appends `encoded` as PHP's `urldecode` reads it: `+` is a blank, a `%` without two hex digits stays.
pub(super) fn decode(encoded: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(encoded);
    let bytes = &mut out[start..];
    // Many texts need no decoding; the rest closes up in place.
    let Some(first) = memchr::memchr2(b'%', b'+', bytes) else {
        return;
    };
    let (mut read, mut written) = (first, first);
    while let Some(&byte) = bytes.get(read) {
        read += 1;
        bytes[written] = match byte {
            b'+' => b' ',
            b'%' => match bytes.get(read..read + 2) {
                Some(&[high, low]) if digit(high) | digit(low) < 16 => {
                    read += 2;
                    digit(high) << 4 | digit(low)
                }
                _ => byte,
            },
            _ => byte,
        };
        written += 1;
    }
    out.truncate(start + written);
}

/// A hex digit's value, 255 for anything else.
fn digit(byte: u8) -> u8 {
    const VALUES: [u8; 256] = {
        let mut values = [u8::MAX; 256];
        let mut value = 0;
        while value < 16 {
            values[b"0123456789abcdef"[value as usize] as usize] = value;
            values[b"0123456789ABCDEF"[value as usize] as usize] = value;
            value += 1;
        }
        values
    };
    VALUES[usize::from(byte)]
}
