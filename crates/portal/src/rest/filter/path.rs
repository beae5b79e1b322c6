//! Paths: `/../` in any spelling is split, thirty `./` in a row become ` X `.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{
    rule::{After, Before, Rule, pattern},
    until_stable,
};

static UP: LazyLock<Rule> = LazyLock::new(|| {
    let slash = r"(?:[\\/]|%2f|%5c)";
    let dot = r"(?:\.|%2e)";
    Rule::new(
        pattern(&format!("({slash}{dot})({dot}{slash})")),
        " ",
        Before::Anything,
        After::Anything,
    )
});

static DOTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:\.[\\/]+){30,}"));

pub(super) fn audit(text: &[u8]) -> Option<Vec<u8>> {
    until_stable(text, |text| {
        DOTS.replace_all(&UP.apply(&text), &b" X "[..]).into_owned()
    })
}
