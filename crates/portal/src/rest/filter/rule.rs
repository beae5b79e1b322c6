//! One rule of an auditor: a pattern in parts; where it matches, the parts are set apart.

use regex::bytes::{Regex, RegexBuilder};

/// What must not stand before a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Anything,
    /// No Latin letter, digit, `&`, `_`, `?` or `-`.
    WordOrQuery,
    /// No Latin letter, digit, `_`, `.` or `-`, unless the match begins with a comment of its own.
    WordOrDot,
}

/// What must not follow a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Anything,
    /// No letter, digit or `_`.
    Word,
    /// No digit, and not `image`: harmless `data:` URLs.
    DigitOrImage,
}

/// A pattern whose numbered groups follow one another, and what goes between them.
#[derive(Debug)]
pub(super) struct Rule {
    search: Regex,
    between: &'static str,
    before: Before,
    after: After,
}

impl Rule {
    pub(super) fn new(search: Regex, between: &'static str, before: Before, after: After) -> Self {
        Self {
            search,
            between,
            before,
            after,
        }
    }

    /// Sets the groups of every match apart.
    pub(super) fn apply(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut copied = 0;
        let mut from = 0;
        while let Some(found) = self.search.captures_at(text, from) {
            let whole = found.get(0).map_or(from, |whole| whole.start());
            let groups: Vec<_> = found.iter().skip(1).flatten().collect();
            let (Some(first), Some(last)) = (groups.first(), groups.last()) else {
                break;
            };
            let own_comment = whole < first.start();
            if !(own_comment || self.may_follow(&text[..first.start()])) || !self.may_precede(&text[last.end()..]) {
                from = whole + 1;
                continue;
            }
            out.extend_from_slice(&text[copied..first.start()]);
            for (index, group) in groups.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(self.between.as_bytes());
                }
                out.extend_from_slice(group.as_bytes());
            }
            copied = last.end();
            from = copied;
        }
        out.extend_from_slice(&text[copied..]);
        out
    }

    fn may_follow(&self, before: &[u8]) -> bool {
        let Some(last) = before.last() else { return true };
        match self.before {
            Before::Anything => true,
            Before::WordOrQuery => !(last.is_ascii_alphanumeric() || b"&_?-".contains(last)),
            Before::WordOrDot => !(last.is_ascii_alphanumeric() || b"_.-".contains(last)),
        }
    }

    fn may_precede(&self, after: &[u8]) -> bool {
        let Some(first) = after.first() else { return true };
        match self.after {
            After::Anything => true,
            After::Word => !(first.is_ascii_alphanumeric() || *first == b'_'),
            After::DigitOrImage => {
                !(first.is_ascii_digit() || after.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"image")))
            }
        }
    }
}

/// A pattern over bytes: case does not count, and `.` is any byte.
pub(super) fn pattern(pattern: &str) -> Regex {
    build(
        RegexBuilder::new(pattern)
            .case_insensitive(true)
            .dot_matches_new_line(true),
    )
}

/// Same, but case counts, and `.` stops at a line break.
pub(super) fn exact_pattern(pattern: &str) -> Regex {
    build(&mut RegexBuilder::new(pattern))
}

fn build(builder: &mut RegexBuilder) -> Regex {
    builder
        .unicode(false)
        .size_limit(1 << 26)
        .build()
        .expect("the filter's patterns are constant and tested")
}
