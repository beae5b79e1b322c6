//! Conversions between types, as PHP 8.2 does them without strict types.

use std::borrow::Cow;

use serde_json::Value;

use super::text;

/// `empty()`: null, false, 0, 0.0, `""`, `"0"`, an empty array, or nothing at all.
pub fn is_empty(value: Option<&Value>) -> bool {
    !value.is_some_and(truthy)
}

/// `(bool)`.
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(string) => !string.is_empty() && string != "0",
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// `isset()`: there and not null.
pub fn set(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// `is_array()`.
pub fn is_array(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

/// `is_scalar()`: null is none.
pub fn is_scalar(value: &Value) -> bool {
    !value.is_null() && !is_array(value)
}

/// `is_numeric()`: a number, or text that is one but for white space around it.
pub fn is_numeric(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(string) => numeric(string),
        _ => false,
    }
}

/// `(string)`; an array is `Array` (with a warning).
pub fn to_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null | Value::Bool(false) => Cow::Borrowed(""),
        Value::Bool(true) => Cow::Borrowed("1"),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Cow::Owned(int.to_string()),
            (None, Some(float)) => Cow::Owned(text::float(float, text::Precision::Fourteen)),
            (None, None) => Cow::Owned(number.to_string()),
        },
        Value::String(string) => Cow::Borrowed(string),
        Value::Array(_) | Value::Object(_) => Cow::Borrowed("Array"),
    }
}

/// `(int)` and `intval()`: a non-empty array is 1, text counts up to where it stops being a number.
pub fn to_int(value: &Value) -> i64 {
    match value {
        Value::Null => 0,
        Value::Bool(flag) => i64::from(*flag),
        Value::Number(number) => number
            .as_i64()
            .unwrap_or_else(|| number.as_f64().map_or(0, float_to_int)),
        Value::String(string) => text_to_int(string),
        Value::Array(items) => i64::from(!items.is_empty()),
        Value::Object(map) => i64::from(!map.is_empty()),
    }
}

/// A float's integer part; out of range it wraps around 2^64, infinities and NaN are 0.
#[expect(clippy::cast_possible_truncation, reason = "the value was brought into range")]
fn float_to_int(float: f64) -> i64 {
    const RANGE: f64 = 18_446_744_073_709_551_616.0;
    if !float.is_finite() {
        return 0;
    }
    let whole = float.trunc();
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole) {
        return whole as i64;
    }
    let wrapped = whole.rem_euclid(RANGE);
    if wrapped >= RANGE / 2.0 {
        (wrapped - RANGE) as i64
    } else {
        wrapped as i64
    }
}

/// The leading number of a text; unlike a float, text out of range saturates.
#[expect(clippy::cast_possible_truncation, reason = "saturates, as PHP does for text")]
fn text_to_int(string: &str) -> i64 {
    let number = leading_number(string);
    number
        .parse::<i64>()
        .unwrap_or_else(|_| number.parse::<f64>().map_or(0, |float| float as i64))
}

/// Length-checked prefix of `string` that PHP reads as a number, without white space before it; empty if there is none.
fn leading_number(string: &str) -> &str {
    let string = string.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let bytes = string.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return "";
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let exponent_sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits((end + 1 + exponent_sign).min(bytes.len()));
        if exponent > 0 {
            end += 1 + exponent_sign + exponent;
        }
    }
    &string[..end]
}

fn numeric(string: &str) -> bool {
    let trimmed = string.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    !trimmed.is_empty() && leading_number(trimmed).len() == trimmed.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_become_integers_as_far_as_they_go() {
        for (text, int) in [
            ("5", 5),
            ("user_1", 0),
            ("0x1A", 0),
            ("1e3", 1000),
            (" 12abc", 12),
            ("-7.9", -7),
            ("", 0),
            (".5", 0),
            ("1e", 1),
            ("99999999999999999999", i64::MAX),
        ] {
            assert_eq!(to_int(&json!(text)), int, "{text}");
        }
    }

    #[test]
    fn zero_as_text_is_empty_and_a_blank_is_not() {
        assert!(is_empty(Some(&json!("0"))));
        assert!(is_empty(Some(&json!(0.0))));
        assert!(is_empty(None));
        assert!(!is_empty(Some(&json!(" "))));
        assert!(!is_empty(Some(&json!("0.0"))));
    }

    #[test]
    fn numbers_with_white_space_around_are_numeric() {
        for text in ["1", " 1", "1 ", "1e5", ".5", "-1.", "+3"] {
            assert!(is_numeric(&json!(text)), "{text}");
        }
        for text in ["", " ", "1a", "e5", ".", "0x1", "1 2"] {
            assert!(!is_numeric(&json!(text)), "{text}");
        }
    }

    #[test]
    fn floats_out_of_range_wrap() {
        assert_eq!(to_int(&json!(1.9)), 1);
        assert_eq!(to_int(&json!(1e19)), -8_446_744_073_709_551_616);
    }
}
