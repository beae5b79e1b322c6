//! Script injection: addresses and expressions that run (`javascript:`), tags, handlers (`onclick=`).
//!
//! Between the letters of a word the server skips tabs, line breaks and backslashes, in some words also blanks and comments. The words
//! of the first list may be spelled with percent or backslash codes.

use std::sync::LazyLock;

use super::{
    rule::{After, Before, Rule, exact_pattern, pattern},
    until_stable,
};

/// Between letters.
const GAP: &str = r"[\t\n\r\\]*";
/// Between letters, white space too.
const WIDE_GAP: &str = r"[\t\n\r\\\s]*";
/// Between letters, white space and comments.
const COMMENT_GAP: &str = r"(?:[\t\n\r\\\s]|/\*.*?\*/)*";
/// Before `=` and `:`; the last alternative is U+2029.
const BLANKS: &str = r"(?:[\x00\t-\r\s\\]|\xE2\x80\xA9)*";
/// `:` or `=`.
const ASSIGN: &str = r"(?::|=|%3a|%3d|\\x3a|\\x3d|\\0*3a|\\0*3d)";
/// `(`.
const OPEN: &str = r"(?:\(|%28|\\x28|\\0*28)";

/// The word whose gaps the server's pattern engine keeps on a stack, one character a frame.
const EXPRESSION: &[u8] = b"expression(";
/// With so many letters of the word found, so many gap characters exhaust the stack, and the text is lost (measured on PHP 8.2.36).
const STACK: [usize; EXPRESSION.len()] = [8190, 8188, 8187, 8186, 8184, 8183, 8182, 8180, 8179, 8178, 8177];
/// So many comments in the gaps of an incomplete word exhaust the engine's patience, with the same end (measured).
const COMMENTS: usize = 18;

/// Rules that are tried when the text has this character; none = always.
struct Group {
    character: Option<u8>,
    rules: Vec<Rule>,
}

static GROUPS: LazyLock<[Group; 5]> = LazyLock::new(|| {
    [
        Group {
            character: None,
            rules: addresses(),
        },
        Group {
            character: Some(b'<'),
            rules: tags(),
        },
        Group {
            character: Some(b'='),
            rules: handlers(),
        },
        Group {
            character: Some(b':'),
            rules: schemes(),
        },
        Group {
            character: Some(b'-'),
            rules: bindings(),
        },
    ]
});

pub(super) fn audit(text: &[u8]) -> Option<Vec<u8>> {
    until_stable(text, |mut text| {
        if exhausts_engine(&text) {
            return Vec::new();
        }
        for Group { character, rules } in &*GROUPS {
            if character.is_none_or(|character| text.contains(&character)) {
                text = rules.iter().fold(text, |text, rule| rule.apply(&text));
            }
        }
        text
    })
}

/// Every letter followed by a gap.
fn spaced(word: &str, gap: &str) -> String {
    word.chars()
        .map(|letter| regex::escape(&letter.to_string()) + gap)
        .collect()
}

/// Every letter, in any of its spellings, followed by a gap.
fn coded(word: &str, gap: &str) -> String {
    let letter = |letter: char| {
        let code = u32::from(letter);
        let high = if code < 0x70 { "[64]" } else { "[75]" };
        let low = char::from_digit(code & 15, 16).unwrap_or_default();
        format!(r"(?:{letter}|%{high}{low}|\\x{high}{low}|\\0*{high}{low}){gap}")
    };
    word.chars().map(letter).collect()
}

fn addresses() -> Vec<Rule> {
    let rule = |search: String, before| Rule::new(pattern(&search), " * ", before, After::Anything);
    let last = |word: &str| coded(word, "");
    vec![
        rule(
            format!(
                "({})({}{}{BLANKS}{ASSIGN})",
                coded("beh", GAP),
                coded("avio", GAP),
                last("r")
            ),
            Before::WordOrQuery,
        ),
        rule(
            format!("({})({}{ASSIGN})", coded("jav", WIDE_GAP), coded("ascript", WIDE_GAP)),
            Before::Anything,
        ),
        rule(
            format!("({})({}{ASSIGN})", coded("vb", WIDE_GAP), coded("script", WIDE_GAP)),
            Before::Anything,
        ),
        rule(
            format!(
                "({})({}{OPEN})",
                coded("ex", COMMENT_GAP),
                coded("pression", COMMENT_GAP)
            ),
            Before::Anything,
        ),
    ]
}

fn tags() -> Vec<Rule> {
    let rule = |search: String, after| Rule::new(pattern(&search), " ", Before::Anything, after);
    // The gap at the seam belongs to the left part, but for a few tags.
    let whole = |left: &str, right: &str| {
        let (body, last) = right.split_at(right.len() - 1);
        format!("({})({}{last})", spaced(left, GAP), spaced(body, GAP))
    };
    let tag = |left, right| rule(whole(left, right), After::Word);
    let open = |left, right| rule(whole(left, right), After::Anything);
    let seam = |left: &str, right: String| {
        let (body, last) = left.split_at(left.len() - 1);
        rule(format!("({}{last})({right})", spaced(body, GAP)), After::Word)
    };
    let cache = |which: &str| rule(format!("(<!--'{which}_frame)(_cache_)"), After::Anything);
    vec![
        open("<!do", "ctype"),
        open("<!en", "tity"),
        tag("<sc", "ript"),
        open("</sc", "ript"),
        tag("<x:sc", "ript"),
        tag("<app", "let"),
        seam("<emb", format!("{}d", spaced("e", GAP))),
        tag("<st", "yle"),
        tag("<fra", "me"),
        tag("<ifr", "ame"),
        tag("<fo", "rm"),
        tag("<ob", "ject"),
        tag("<li", "nk"),
        seam("<met", format!("{GAP}a")),
        tag("<lay", "er"),
        tag("<ht", "ml"),
        tag("<xm", "l"),
        tag("<ba", "se"),
        tag("<sv", "g"),
        tag("<isi", "ndex"),
        seam("<ma", format!("{GAP}{}h", spaced("t", GAP))),
        cache("start"),
        cache("end"),
    ]
}

fn handlers() -> Vec<Rule> {
    let rule = |left: String, right: String| {
        Rule::new(
            pattern(&format!("({left})({right}{BLANKS}=)")),
            " ",
            Before::WordOrQuery,
            After::Anything,
        )
    };
    // The gap after the last letter is within the blanks.
    let word = |left: &str, right: &str| rule(spaced(left, GAP), spaced(right, GAP));
    vec![
        word("for", "maction"),
        rule(
            format!("{}(?:[a-z]{GAP})*?", spaced("on", GAP)),
            format!("(?:[a-z]{GAP}){{3}}"),
        ),
        word("see", "ksegmenttime"),
        word("fsc", "ommand"),
        word("sr", "cdoc"),
    ]
}

fn schemes() -> Vec<Rule> {
    // Case counts here, and a comment ends with its line.
    let office = format!(
        "({}n{COMMENT_GAP}:{COMMENT_GAP}s{GAP})({}m{COMMENT_GAP}:)",
        spaced("ur", GAP),
        spaced("chemas-microsoft-co", GAP),
    );
    let data = format!(r#"((?:'|"|=|:|;){WIDE_GAP}{})(a{GAP}:)"#, spaced("dat", GAP));
    vec![
        Rule::new(exact_pattern(&office), " ", Before::Anything, After::Anything),
        Rule::new(pattern(&data), " ", Before::Anything, After::DigitOrImage),
    ]
}

fn bindings() -> Vec<Rule> {
    let url = format!("{}l", spaced("ur", GAP));
    let search = format!(
        "({})({}{BLANKS}:{BLANKS}{GAP}{url})",
        spaced("-moz-bi", GAP),
        spaced("nding", GAP)
    );
    vec![Rule::new(pattern(&search), " ", Before::Anything, After::Anything)]
}

/// Whether the search for `expression(` fails on this text instead of answering.
fn exhausts_engine(text: &[u8]) -> bool {
    (0..text.len())
        .filter(|at| text[*at].eq_ignore_ascii_case(&EXPRESSION[0]))
        .any(|at| {
            let (mut letters, mut blanks, mut comments) = (1, 0, 0);
            let mut rest = &text[at + 1..];
            while letters < EXPRESSION.len() {
                match rest {
                    [b'\t'..=b'\r' | b' ' | b'\\', after @ ..] => {
                        blanks += 1;
                        rest = after;
                    }
                    [b'/', b'*', after @ ..] => {
                        let Some(end) = after.windows(2).position(|pair| pair == b"*/") else {
                            break;
                        };
                        comments += 1;
                        rest = &after[end + 2..];
                    }
                    [letter, after @ ..] if letter.eq_ignore_ascii_case(&EXPRESSION[letters]) => {
                        letters += 1;
                        rest = after;
                    }
                    _ => break,
                }
            }
            blanks >= STACK[letters - 1] || (letters < EXPRESSION.len() && comments >= COMMENTS)
        })
}
