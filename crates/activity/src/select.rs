//! Options of a `select` property: the values of an enum.

use std::collections::HashMap;

use prost_reflect::{EnumDescriptor, EnumValueDescriptor};
use proto::bizproc::v1::Option as OptionAnnotation;
use serde_json::{Map, Value as Json};

use crate::{
    Limits,
    annotation::{self, ENUM_VALUE},
    files::Files,
};

/// Field number of the values in an enum's descriptor.
const ENUM_VALUE_FIELD: u64 = 2;

/// Options of a `select`, found by key and by number.
#[derive(Debug)]
pub(crate) struct Options {
    /// In the order of the enum.
    choices: Vec<Choice>,
    by_key: HashMap<Box<[u8]>, i32>,
    by_number: HashMap<i32, usize>,
}

#[derive(Debug)]
struct Choice {
    number: i32,
    key: String,
    title: String,
}

impl Options {
    /// Reads the values of an enum; each broken rule goes to `problem`.
    pub(crate) fn read(
        descriptor: &EnumDescriptor,
        files: &Files,
        limits: &Limits,
        mut problem: impl FnMut(String),
    ) -> Self {
        let mut options = Self {
            choices: Vec::new(),
            by_key: HashMap::new(),
            by_number: HashMap::new(),
        };
        let name = descriptor.full_name();
        if descriptor.values().len() > limits.fields {
            problem(format!(
                "the enum {name} has more than {} values; split it",
                limits.fields
            ));
            return options;
        }
        let prefix = prefix(descriptor.name());
        if !descriptor
            .values()
            .any(|value| value.number() == 0 && is_unspecified(&value))
        {
            problem(format!(
                "the enum {name} has no `{prefix}UNSPECIFIED = 0`; add it, it stands for a property that nobody has touched"
            ));
        }
        // By its path, and with that in the order of the file: reflection orders values by number.
        let bytes = files.get(descriptor.parent_file().name());
        let bytes = bytes
            .and_then(|file| annotation::descend(file, descriptor.path()))
            .unwrap_or_default();
        let values = crate::wire::all(bytes, ENUM_VALUE_FIELD).collect::<Vec<_>>();
        let mut described: Vec<_> = descriptor.values().collect();
        described.sort_by_key(|value| value.path().last().copied());
        for value in described {
            let index = value.path().last().and_then(|&index| usize::try_from(index).ok());
            let bytes = index.and_then(|index| values.get(index)).copied().unwrap_or_default();
            let annotation = annotation::read::<OptionAnnotation>(bytes, ENUM_VALUE).unwrap_or_else(|fault| {
                problem(format!("the enum value {}: {fault}", value.full_name()));
                None
            });
            options.add(&value, &prefix, annotation, &mut problem);
        }
        if options.choices.is_empty() {
            problem(format!("the enum {name} has no value to choose; add values"));
        }
        options
    }

    fn add(
        &mut self,
        value: &EnumValueDescriptor,
        prefix: &str,
        annotation: Option<OptionAnnotation>,
        problem: &mut impl FnMut(String),
    ) {
        let name = value.full_name();
        if value.number() == 0 {
            if annotation.is_some() {
                problem(format!(
                    "the enum value {name} has a bizproc.v1.option; remove it, zero stands for an untouched property"
                ));
            }
            return;
        }
        let annotation = annotation.unwrap_or_default();
        let key = if annotation.key.is_empty() {
            value
                .name()
                .strip_prefix(prefix)
                .unwrap_or(value.name())
                .to_ascii_lowercase()
        } else {
            annotation.key
        };
        if key.trim() != key || key.chars().any(char::is_control) {
            problem(format!(
                "the enum value {name} has the option key {key:?}; write it without blanks around it and control characters"
            ));
        }
        if self.by_key.insert(key.as_bytes().into(), value.number()).is_some() {
            problem(format!(
                "the enum value {name} has the option key {key:?} of another value; keys must be unique"
            ));
        }
        if self.by_number.insert(value.number(), self.choices.len()).is_some() {
            problem(format!(
                "the enum value {name} has the number of another value; remove the alias"
            ));
        }
        let title = if annotation.title.trim().is_empty() {
            key.clone()
        } else {
            annotation.title
        };
        self.choices.push(Choice {
            number: value.number(),
            key,
            title,
        });
    }

    /// Number of the option with a key.
    pub(crate) fn number(&self, key: &[u8]) -> Option<i32> {
        self.by_key.get(key).copied()
    }

    /// Key of the option with a number.
    pub(crate) fn key(&self, number: i32) -> Option<&str> {
        self.by_number.get(&number).map(|&index| &*self.choices[index].key)
    }

    /// The keys for people, in order.
    pub(crate) fn keys(&self) -> String {
        self.choices
            .iter()
            .map(|option| &*option.key)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// `Options` as the portal takes them: key to title.
    pub(crate) fn to_json(&self) -> Json {
        Json::Object(
            self.choices
                .iter()
                .map(|option| (option.key.clone(), Json::from(&*option.title)))
                .collect::<Map<_, _>>(),
        )
    }

    /// Numbers and keys: what decides how a value is read and written.
    pub(crate) fn shape(&self) -> Json {
        self.choices
            .iter()
            .map(|option| Json::from(vec![Json::from(option.number), Json::from(&*option.key)]))
            .collect()
    }
}

fn is_unspecified(value: &EnumValueDescriptor) -> bool {
    value.name() == "UNSPECIFIED" || value.name().ends_with("_UNSPECIFIED")
}

/// What buf and the style guide put before the values of an enum: `HashKind` gives `HASH_KIND_`.
fn prefix(name: &str) -> String {
    let mut prefix = String::with_capacity(name.len() + 4);
    let mut before = None;
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let after_word = before.is_some_and(|before: char| before.is_ascii_lowercase() || before.is_ascii_digit());
        let before_word = before.is_some_and(|before: char| before.is_ascii_uppercase())
            && letters.peek().is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_word || before_word) {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
        before = Some(letter);
    }
    prefix.push('_');
    prefix
}

#[cfg(test)]
mod tests {
    use super::prefix;

    #[test]
    fn prefixes_follow_the_style_guide() {
        for (name, expected) in [
            ("Algorithm", "ALGORITHM_"),
            ("HashKind", "HASH_KIND_"),
            ("HTTPMethod", "HTTP_METHOD_"),
            ("Md5Mode", "MD5_MODE_"),
        ] {
            assert_eq!(prefix(name), expected);
        }
    }
}
