//! PHP arrays as PHP prints them.

use serde_json::{Map, Number, Value};

use super::text::{Precision, float};

/// The value as `json_encode` gives it: an empty array reads `[]`, keys 0, 1, 2… in order make a list, a float without a fraction
/// prints like an integer.
pub fn output(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(output).collect()),
        Value::Object(map) if is_list(&map) => Value::Array(map.into_iter().map(|(_, item)| output(item)).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, item)| (key, output(item))).collect()),
        Value::Number(number) if number.is_f64() => Value::Number(whole(number)),
        other => other,
    }
}

/// Whether PHP holds this map as a list.
pub fn is_list(map: &Map<String, Value>) -> bool {
    map.keys()
        .enumerate()
        .all(|(index, key)| integer_key(key).is_some_and(|int| usize::try_from(int) == Ok(index)))
}

/// An element by its key, of a list or of a map.
pub fn element<'a>(array: &'a Value, key: &str) -> Option<&'a Value> {
    match array {
        Value::Array(items) => integer_key(key)
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| items.get(index)),
        Value::Object(map) => map.get(key),
        _ => None,
    }
}

/// Elements in order, with their keys as text.
pub fn elements(array: &Value) -> Vec<(String, &Value)> {
    match array {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), item)).collect(),
        _ => Vec::new(),
    }
}

/// The elements of an array by key: those of a list are numbered. Anything else has none.
pub fn into_map(array: Value) -> Map<String, Value> {
    match array {
        Value::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The key as PHP turns it into an integer: decimal, no leading zero or plus.
pub fn integer_key(key: &str) -> Option<i64> {
    key.parse().ok().filter(|int: &i64| int.to_string() == key)
}

fn whole(number: Number) -> Number {
    let text = number.as_f64().map(|value| float(value, Precision::Shortest));
    text.and_then(|text| text.parse::<i64>().ok())
        .map_or(number, Number::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_become_lists_only_with_the_keys_of_a_list() {
        assert_eq!(output(json!({"0": {"a": {}}, "1": 2.0})), json!([{"a": []}, 2]));
        for map in [
            json!({"1": 1}),
            json!({"0": 1, "2": 1}),
            json!({"1": 1, "0": 1}),
            json!({"00": 1}),
            json!({"0": 1, "01": 2}),
        ] {
            assert_eq!(output(map.clone()), map);
        }
    }
}
