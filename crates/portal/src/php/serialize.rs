//! `serialize()`: how long a value is in a column.

use serde_json::Value;

use super::{
    json::{elements, integer_key},
    text::{Precision, float},
};

/// Length in bytes of `serialize(value)`.
pub fn length(value: &Value) -> usize {
    match value {
        Value::Null => "N;".len(),
        Value::Bool(_) => "b:1;".len(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => scalar(int.to_string().len()),
            (None, Some(value)) => scalar(float(value, Precision::Shortest).len()),
            (None, None) => scalar(number.to_string().len()),
        },
        Value::String(string) => text(string),
        Value::Array(_) | Value::Object(_) => {
            let elements = elements(value);
            let body: usize = elements.iter().map(|(key, item)| self::key(key) + length(item)).sum();
            "a::{}".len() + elements.len().to_string().len() + body
        }
    }
}

/// `i:5;`, `d:1.5;`
fn scalar(digits: usize) -> usize {
    "i:;".len() + digits
}

/// `s:3:"abc";`
fn text(string: &str) -> usize {
    "s::\"\";".len() + string.len().to_string().len() + string.len()
}

fn key(key: &str) -> usize {
    if integer_key(key).is_some() {
        scalar(key.len())
    } else {
        text(key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lengths_are_those_of_php() {
        for (value, serialized) in [
            (json!(null), "N;"),
            (json!(true), "b:1;"),
            (json!(-12), "i:-12;"),
            (json!(1.5), "d:1.5;"),
            (json!("я"), "s:2:\"я\";"),
            (json!([]), "a:0:{}"),
            (
                json!({"a": [1], "5": ""}),
                "a:2:{s:1:\"a\";a:1:{i:0;i:1;}i:5;s:0:\"\";}",
            ),
        ] {
            assert_eq!(length(&value), serialized.len(), "{serialized}");
        }
    }
}
