//! Rules for codes and property keys.

/// Longest code, in characters: the width of the portal's column.
const CODE_LENGTH: usize = 128;

/// Names that an activity of the portal has by itself; a property of the same name is shadowed by them.
const RESERVED: [&str; 8] = [
    "Title",
    "UseSubscription",
    "IsTimeout",
    "AuthUserId",
    "SetStatusMessage",
    "StatusMessage",
    "TimeoutDuration",
    "TimeoutDurationType",
];

/// Keys below which the portal doesn't put the next level's keys into upper case, so that a definition's own `Name` would
/// not be found: "Empty property NAME".
const KEPT: [&str; 3] = ["PROPERTIES", "RETURN_PROPERTIES", "OPTIONS"];

/// What is wrong with a code.
pub(crate) fn code_fault(code: &str) -> Option<String> {
    // The portal's own rule (`#^[a-z0-9\.\-_]+$#i`), but for the line break that it lets through at the end.
    if !code
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    {
        return Some(format!(
            "the code {code:?} has other characters than letters, digits, `.`, `-` and `_`"
        ));
    }
    if code.len() > CODE_LENGTH {
        return Some(format!(
            "the code {code:?} has {} characters, the portal takes {CODE_LENGTH}",
            code.len()
        ));
    }
    None
}

/// What is wrong with the key of a property.
pub(crate) fn key_fault(key: &str) -> Option<String> {
    // The portal's own rule: `#^[a-z][a-z0-9_]*$#i`.
    let valid = key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !valid {
        return Some(format!(
            "the key {key:?} must be a letter and then letters, digits and `_`; set `key` in the field's bizproc.v1.property option"
        ));
    }
    if RESERVED.contains(&key) || KEPT.contains(&key) {
        return Some(format!(
            "the key {key:?} is reserved by the portal; set another `key` in the field's bizproc.v1.property option"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{code_fault, key_fault};

    #[test]
    fn codes() {
        let longest = "x".repeat(128);
        for code in ["md5", "My.Code-1_2", "6F9619FF-8B86-D011-B42D-00CF4FC964FF", &longest] {
            assert_eq!(code_fault(code), None, "{code}");
        }
        let too_long = "x".repeat(129);
        for code in ["a b", "код", "md5\n", "a/b", "a*", &too_long] {
            assert!(code_fault(code).is_some(), "{code}");
        }
    }

    #[test]
    fn keys() {
        for key in ["a", "inputString", "A_1", "title", "isTimeout", "Options", "properties"] {
            assert_eq!(key_fault(key), None, "{key}");
        }
        for key in [
            "",
            "1a",
            "_a",
            "a-b",
            "ключ",
            "a\n",
            "Title",
            "IsTimeout",
            "OPTIONS",
            "PROPERTIES",
            "RETURN_PROPERTIES",
        ] {
            assert!(key_fault(key).is_some(), "{key}");
        }
    }
}
