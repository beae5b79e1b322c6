//! `parse_str()`.

use bitrix::form::{self, Array};
use serde_json::{Map, Value};

/// php.ini's `max_input_vars`: what comes later is cut silently.
const MAX_INPUT_VARS: usize = 1000;
/// php.ini's `max_input_nesting_level`: a deeper variable is dropped.
const MAX_NESTING: usize = 64;

/// The variables of a query string, all texts. Bytes that are no UTF-8 become U+FFFD, as PHP's JSON output would make them.
pub fn parse(query: &str) -> Map<String, Value> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).take(MAX_INPUT_VARS);
    let kept: Vec<&str> = pairs.filter(|pair| depth(pair) <= MAX_NESTING).collect();
    let limits = form::Limits {
        pairs: MAX_INPUT_VARS,
        depth: MAX_NESTING,
        bytes: usize::MAX,
    };
    form::decode(kept.join("&").as_bytes(), &limits)
        .map(|array| map(&array))
        .unwrap_or_default()
}

fn depth(pair: &str) -> usize {
    let name = pair.split('=').next().unwrap_or(pair);
    name.matches('[').count() + name.matches("%5B").count() + name.matches("%5b").count()
}

fn map(array: &Array) -> Map<String, Value> {
    array.iter().map(|(key, item)| (key.to_string(), value(item))).collect()
}

fn value(value: &form::Value) -> Value {
    match value {
        form::Value::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        form::Value::Array(array) => Value::Object(map(array)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn more_than_a_thousand_variables_are_cut() {
        let query: Vec<String> = (0..1100).map(|index| format!("v{index}=1")).collect();
        assert_eq!(parse(&query.join("&")).len(), 1000);
    }

    #[test]
    fn too_deep_a_variable_is_dropped_alone() {
        let deep = format!("a{}=1&b=2", "[x]".repeat(65));
        assert_eq!(Value::Object(parse(&deep)), json!({"b": "2"}));
    }
}
