//! `parse_str()`.

use bitrix::form;
use serde_json::{Map, Value};

/// php.ini's `max_input_vars`: what comes later is cut silently.
const MAX_INPUT_VARS: usize = 1000;
/// php.ini's `max_input_nesting_level`: a deeper variable is dropped.
const MAX_NESTING: usize = 64;

/// The variables of a query string, all texts. Bytes that are no UTF-8 become U+FFFD, as PHP's JSON output would make them.
pub fn parse(query: &str) -> Map<String, Value> {
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty()).take(MAX_INPUT_VARS).filter(|pair| depth(pair) <= MAX_NESTING).collect();
    let limits = form::Limits { pairs: MAX_INPUT_VARS + 1, depth: MAX_NESTING + 1, bytes: usize::MAX };
    form::decode(kept.join("&").as_bytes(), &limits).map(|array| map(&array)).unwrap_or_default()
}

fn depth(pair: &str) -> usize {
    let name = pair.split('=').next().unwrap_or(pair);
    name.bytes().filter(|byte| *byte == b'[').count() + name.matches("%5B").count() + name.matches("%5b").count()
}
