/// What two hex digits stand for.
pub(super) fn hex(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (digit(high), digit(low));
    ((high | low) < 16).then_some(high << 4 | low)
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
