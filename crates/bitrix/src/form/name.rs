use std::ops::Range;

/// A decoded name, prepared as PHP does before it looks at subscripts.
pub(super) struct Name {
    /// Where it stands in the form's text.
    pub(super) place: Range<usize>,
    /// Where in the name the first subscript's bracket stands; the name's end when there is none.
    pub(super) open: usize,
    pub(super) cookies: CookiePrefixes,
}

impl Name {
    /// Cuts the name at a NUL, skips leading blanks, and mangles the top-level part in place.
    ///
    /// `None` when nothing is left, or when PHP hides it.
    pub(super) fn prepare(text: &mut [u8], place: Range<usize>) -> Option<Self> {
        let mut start = place.start;
        while start < place.end && text[start] == b' ' {
            start += 1;
        }
        let name = &text[start..place.end];
        let end = memchr::memchr(0, name).unwrap_or(name.len());
        let name = &mut text[start..start + end];
        let cookies = CookiePrefixes::of(name);
        let mut open = memchr::memchr(b'[', name).unwrap_or(end);
        mangle(&mut name[..open]);
        if open == 0 || cookies.forbid(&name[..open]) {
            return None;
        }
        if open < end && !name.ends_with(b"]") && matches!(subscript(&name[open + 1..]), Subscript::Unclosed) {
            // No subscript after all: the bracket and what follows belong to the name.
            mangle(&mut name[open..]);
            open = end;
            if cookies.forbid(name) {
                return None;
            }
        }
        let place = start..start + end;
        Some(Self { place, open, cookies })
    }
}

/// Prefixes with a meaning for cookies: PHP drops a pair in which a key has one that the name didn't begin with.
pub(super) struct CookiePrefixes {
    host: bool,
    secure: bool,
}

impl CookiePrefixes {
    fn of(name: &[u8]) -> Self {
        Self {
            host: name.starts_with(b"__Host-"),
            secure: name.starts_with(b"__Secure-"),
        }
    }

    pub(super) fn forbid(&self, key: &[u8]) -> bool {
        key.starts_with(b"__") && {
            let key = Self::of(key);
            (key.host && !self.host) || (key.secure && !self.secure)
        }
    }
}

/// What follows an opening bracket. The tails begin after the closing one; text between brackets ends the name.
pub(super) enum Subscript<'a> {
    /// `[]`, or with one white-space character in it.
    Append(&'a [u8]),
    Key(&'a [u8], &'a [u8]),
    Unclosed,
}

pub(super) fn subscript(after_bracket: &[u8]) -> Subscript<'_> {
    let skipped = usize::from(
        after_bracket
            .first()
            .is_some_and(|byte| b" \t\n\x0b\x0c\r".contains(byte)),
    );
    match memchr::memchr(b']', &after_bracket[skipped..]) {
        Some(0) => Subscript::Append(&after_bracket[skipped + 1..]),
        Some(close) => Subscript::Key(&after_bracket[..skipped + close], &after_bracket[skipped + close + 1..]),
        None => Subscript::Unclosed,
    }
}

/// Replaces what a PHP variable name can't hold.
fn mangle(name: &mut [u8]) {
    for byte in name {
        if matches!(*byte, b' ' | b'.' | b'[') {
            *byte = b'_';
        }
    }
}
