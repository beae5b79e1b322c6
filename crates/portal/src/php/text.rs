//! Texts: case of keys, `trim`, floats.

use serde_json::{Map, Value};

/// Which of PHP's two precisions a float is printed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// `precision` of php.ini, 14 digits: string casts.
    Fourteen,
    /// `serialize_precision` -1, the shortest form that reads back the same: JSON and `serialize`.
    Shortest,
}

/// A float as text: `1.5`, `1.0E+25`, `-0`.
pub fn float(value: f64, precision: Precision) -> String {
    if value.is_nan() {
        return "NAN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "INF" } else { "-INF" }.into();
    }
    let scientific = match precision {
        Precision::Fourteen => format!("{value:.13e}"),
        Precision::Shortest => format!("{value:e}"),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let limit = match precision {
        Precision::Fourteen => 14,
        Precision::Shortest => 17,
    };
    if exponent < -4 || exponent >= limit {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}.{rest}E{direction}{}", exponent.abs());
    }
    let body = if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        format!("0.{}{digits}", "0".repeat(zeros))
    } else {
        let whole = usize::try_from(exponent).unwrap_or(0) + 1;
        if digits.len() <= whole {
            format!("{digits}{}", "0".repeat(whole - digits.len()))
        } else {
            format!("{}.{}", &digits[..whole], &digits[whole..])
        }
    };
    format!("{sign}{body}")
}

/// `trim()` with its default characters.
pub fn trim(string: &str) -> &str {
    string.trim_matches([' ', '\t', '\n', '\r', '\0', '\u{b}'])
}

/// `array_change_key_case(…, CASE_UPPER)`: ASCII letters only; of keys that become equal the last value wins, at the first one's place.
pub fn upper_keys(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter()
        .map(|(key, value)| (key.to_ascii_uppercase(), value.clone()))
        .collect()
}

/// The first `limit` characters, as a column of the database keeps them.
pub fn cut(string: &str, limit: usize) -> &str {
    string
        .char_indices()
        .nth(limit)
        .map_or(string, |(end, _)| &string[..end])
}

/// Equal in the tables' collation: case does not count, nor do blanks at the end.
pub fn same_in_collation(left: &str, right: &str) -> bool {
    let (left, right) = (left.trim_end_matches(' '), right.trim_end_matches(' '));
    left == right || left.to_lowercase() == right.to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn floats_print_as_php_prints_them() {
        for (value, cast, json) in [
            (1.5, "1.5", "1.5"),
            (1.0, "1", "1"),
            (0.1 + 0.2, "0.3", "0.30000000000000004"),
            (1e20, "1.0E+20", "1.0E+20"),
            (1.0 / 3.0, "0.33333333333333", "0.3333333333333333"),
            (-2.5, "-2.5", "-2.5"),
            (1e-5, "1.0E-5", "1.0E-5"),
            (0.0001, "0.0001", "0.0001"),
            (
                123_456_789_012_345_678.0,
                "1.2345678901235E+17",
                "1.2345678901234568E+17",
            ),
        ] {
            assert_eq!(float(value, Precision::Fourteen), cast);
            assert_eq!(float(value, Precision::Shortest), json);
        }
    }

    #[test]
    fn colliding_keys_keep_the_first_place_and_the_last_value() {
        let Value::Object(map) = json!({"b": 1, "я": 2, "B": 3}) else {
            unreachable!()
        };
        assert_eq!(Value::Object(upper_keys(&map)).to_string(), r#"{"B":3,"я":2}"#);
    }
}
