use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What RFC 3986 leaves literal. Brackets are encoded, too: a batch command goes through `parse_url` first.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Appends a query as PHP's `http_build_query` writes it: null and empty maps vanish, booleans are 1 and 0.
pub(super) fn append_to(query: &mut String, params: &Value) {
    append(params, &mut String::new(), query);
}

fn append(value: &Value, name: &mut String, query: &mut String) {
    let length = name.len();
    let mut member = |key: &str, value: &Value| {
        let key = utf8_percent_encode(key, ENCODED);
        if length == 0 {
            name.extend(key);
        } else {
            *name += "%5B";
            name.extend(key);
            *name += "%5D";
        }
        append(value, name, query);
        name.truncate(length);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| member(key, value)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(key, value)| member(&key.to_string(), value)),
        Value::Null => {}
        Value::Bool(flag) => pair(name, if *flag { "1" } else { "0" }, query),
        Value::Number(number) => pair(name, &number.to_string(), query),
        Value::String(text) => pair(name, text, query),
    }
}

fn pair(name: &str, value: &str, query: &mut String) {
    if !query.ends_with('?') {
        query.push('&');
    }
    *query += name;
    query.push('=');
    query.extend(utf8_percent_encode(value, ENCODED));
}
