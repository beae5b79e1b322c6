//! Size of what the portal stores: it keeps maps as PHP's `serialize()` writes them, in columns that end at 64 KiB.

use serde_json::Value as Json;

/// First size that the portal refuses or cuts. Measured on the running server: 65,534 bytes pass, 65,535 don't.
pub(crate) const LIMIT: usize = 65_535;

/// Bytes of `serialize()` over the value as a PHP array. The upper case that the server gives to keys doesn't change it.
pub(crate) fn serialized_size(value: &Json) -> usize {
    match value {
        Json::Null => "N;".len(),
        Json::Bool(_) => "b:1;".len(),
        Json::Number(number) => "d:;".len() + number.to_string().len(),
        Json::String(text) => text_size(text),
        Json::Array(list) => array_size(
            list.len(),
            list.iter()
                .enumerate()
                .map(|(index, value)| index_size(&index.to_string()) + serialized_size(value)),
        ),
        Json::Object(map) => array_size(
            map.len(),
            map.iter().map(|(key, value)| key_size(key) + serialized_size(value)),
        ),
    }
}

/// `s:4:"text";`
fn text_size(text: &str) -> usize {
    text.len() + text.len().to_string().len() + "s::\"\";".len()
}

/// `i:0;`
fn index_size(index: &str) -> usize {
    index.len() + "i:;".len()
}

/// `a:1:{…}`
fn array_size(length: usize, entries: impl Iterator<Item = usize>) -> usize {
    length.to_string().len() + "a::{}".len() + entries.sum::<usize>()
}

/// PHP turns keys that are decimal integers into integers.
fn key_size(key: &str) -> usize {
    let is_index = key.parse::<i64>().is_ok_and(|index| index.to_string() == key);
    if is_index { index_size(key) } else { text_size(key) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::serialized_size;

    #[test]
    fn sizes_are_those_of_php() {
        // The texts are what PHP's serialize() prints for the value.
        for (value, serialized) in [
            (json!({}), "a:0:{}"),
            (
                json!({"a": {"NAME": "x", "MULTIPLE": "N"}}),
                r#"a:1:{s:1:"a";a:2:{s:4:"NAME";s:1:"x";s:8:"MULTIPLE";s:1:"N";}}"#,
            ),
            (
                json!({"a": {"NAME": {"RU": "Имя"}}}),
                r#"a:1:{s:1:"a";a:1:{s:4:"NAME";a:1:{s:2:"RU";s:6:"Имя";}}}"#,
            ),
            (
                json!({"DEFAULT": ["p", "q"]}),
                r#"a:1:{s:7:"DEFAULT";a:2:{i:0;s:1:"p";i:1;s:1:"q";}}"#,
            ),
            (
                json!({"OPTIONS": {"1": "one", "01": "no index", "-5": "x"}}),
                r#"a:1:{s:7:"OPTIONS";a:3:{i:1;s:3:"one";s:2:"01";s:8:"no index";i:-5;s:1:"x";}}"#,
            ),
        ] {
            assert_eq!(serialized_size(&value), serialized.len(), "{value}");
        }
    }
}
