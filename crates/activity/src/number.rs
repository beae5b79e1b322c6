//! Numbers, truth values and texts as PHP writes them into a form.

/// Digits that PHP keeps of a float (its setting `precision`): with as many, digits may have been lost.
const PRECISION: usize = 14;
/// More digits than any integer type has.
const DIGITS: usize = 30;

/// Why a text is no whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotWhole {
    NoNumber,
    Fraction,
    /// Written with an exponent and as many digits as PHP keeps: the number itself is lost.
    Rounded,
    /// Larger than any type.
    Large,
}

/// A whole number: decimal, or as PHP writes a float that is whole (`5.0`, `1.0E+15`).
pub(crate) fn whole(text: &str) -> Result<i128, NotWhole> {
    let text = text.trim_ascii();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (negative, digits) = match mantissa.as_bytes().first() {
        Some(b'-') => (true, &mantissa[1..]),
        Some(b'+') => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(NotWhole::NoNumber);
    }
    let shift = exponent
        .map_or(Ok(0), str::parse::<i32>)
        .map_err(|_| NotWhole::NoNumber)?;

    let mut significant: String = [whole, fraction].concat();
    let kept = significant.trim_end_matches('0').len();
    let zeros = significant.len() - kept;
    significant.truncate(kept);
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    // Zeros to add; negative: digits after the point.
    let scale = i64::from(shift) + saturating(zeros) - saturating(fraction.len());
    let Ok(scale) = usize::try_from(scale) else {
        return Err(NotWhole::Fraction);
    };
    if exponent.is_some() && significant.len() >= PRECISION {
        return Err(NotWhole::Rounded);
    }
    if significant.len().saturating_add(scale) > DIGITS {
        return Err(NotWhole::Large);
    }
    let number: i128 = format!("{significant}{}", "0".repeat(scale))
        .parse()
        .map_err(|_| NotWhole::Large)?;
    Ok(if negative { -number } else { number })
}

/// A finite number, decimal or with an exponent (`1.0E+20`).
pub(crate) fn real(text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    let numeric = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    // Rust also reads `inf` and `nan`, which PHP would not call numbers.
    if numeric {
        text.parse().ok().filter(|number: &f64| number.is_finite())
    } else {
        None
    }
}

/// A truth value as the portal's designer reads it.
pub(crate) fn truth(text: &str) -> Option<bool> {
    let text = text.trim_ascii();
    let is = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["y", "yes", "true", "1"]) {
        Some(true)
    } else if is(["n", "no", "false", "0"]) {
        Some(false)
    } else {
        None
    }
}

fn saturating(length: usize) -> i64 {
    length.try_into().unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::{NotWhole, real, truth, whole};

    #[test]
    fn whole_numbers() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("0.0", 0),
            ("0E+5", 0),
            ("5", 5),
            ("+5", 5),
            (" 5\n", 5),
            ("-17", -17),
            ("007", 7),
            ("1200", 1200),
            ("5.0", 5),
            ("5.", 5),
            ("1.0E+15", 1_000_000_000_000_000),
            ("1e3", 1000),
            ("1.25E+2", 125),
            ("100E-2", 1),
            ("9223372036854775807", i64::MAX.into()),
            ("18446744073709551615", u64::MAX.into()),
            ("-9223372036854775808", i64::MIN.into()),
            ("1.0E+20", 100_000_000_000_000_000_000),
        ] {
            assert_eq!(whole(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_whole() {
        for (text, expected) in [
            ("", NotWhole::NoNumber),
            (".", NotWhole::NoNumber),
            ("-", NotWhole::NoNumber),
            ("abc", NotWhole::NoNumber),
            ("1 000", NotWhole::NoNumber),
            ("1,5", NotWhole::NoNumber),
            ("0x10", NotWhole::NoNumber),
            ("1e", NotWhole::NoNumber),
            ("1e99999999999", NotWhole::NoNumber),
            ("--1", NotWhole::NoNumber),
            ("٣", NotWhole::NoNumber),
            ("5.5", NotWhole::Fraction),
            ("1E-1", NotWhole::Fraction),
            ("1.2345678901235E+15", NotWhole::Rounded),
            ("1E+300", NotWhole::Large),
            ("1234567890123456789012345678901", NotWhole::Large),
        ] {
            assert_eq!(whole(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn real_numbers() {
        for (text, expected) in [
            ("0.1", 0.1_f64),
            ("-2.5", -2.5),
            ("1.0E+20", 1e20),
            ("0.33333333333333", 0.333_333_333_333_33),
            (".5", 0.5),
            ("5", 5.0),
            (" 5 ", 5.0),
            ("1e-7", 1e-7),
        ] {
            assert_eq!(real(text).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
        for text in [
            "", "inf", "INF", "NAN", "nan", "1,5", "1e999", "e", ".", "0x1p3", "1 2", "infinity",
        ] {
            assert_eq!(real(text), None, "{text}");
        }
    }

    #[test]
    fn truth_values() {
        for text in ["Y", "y", "1", "true", "TRUE", "Yes", " Y "] {
            assert_eq!(truth(text), Some(true), "{text}");
        }
        for text in ["N", "n", "0", "false", "No"] {
            assert_eq!(truth(text), Some(false), "{text}");
        }
        for text in ["", "да", "2", "on", "YN"] {
            assert_eq!(truth(text), None, "{text}");
        }
    }
}
