//! Names and descriptions by language.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json};

/// Texts by the portal's language keys. The portal looks up the user's language, then `en`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Localized(BTreeMap<String, String>);

/// Language keys that people expect, and what the portal calls those languages.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("pt", "br"),
    ("uk", "ua"),
    ("zh", "sc` (simplified) or `tc"),
    ("cn", "sc"),
    ("tw", "tc"),
    ("vi", "vn"),
];

impl Localized {
    /// Reads texts; each broken rule goes to `problem`. No text at all is fine here.
    pub(crate) fn read(what: &str, texts: &HashMap<String, String>, mut problem: impl FnMut(String)) -> Self {
        let texts: BTreeMap<_, _> = texts.iter().map(|(key, text)| (key.clone(), text.clone())).collect();
        for (key, text) in &texts {
            if !(key.len() == 2 && key.bytes().all(|byte| byte.is_ascii_lowercase())) {
                problem(format!(
                    "{what} has the language key {key:?}; write the portal's own, two lower-case letters (`en`, `ru`, `br`, …)"
                ));
            } else if let Some((_, own)) = OTHER_NAMES.iter().find(|(other, _)| other == key) {
                problem(format!(
                    "{what} has the language key `{key}`, which no portal asks for; write `{own}`"
                ));
            }
            if text.trim().is_empty() {
                problem(format!("{what} is empty for `{key}`; write a text or remove the entry"));
            }
        }
        if !texts.is_empty() && !texts.contains_key("en") {
            problem(format!(
                "{what} has no `en`; add it, the portal falls back to it for all other languages"
            ));
        }
        Self(texts)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn to_json(&self) -> Json {
        Json::Object(
            self.0
                .iter()
                .map(|(key, text)| (key.clone(), Json::from(&**text)))
                .collect::<Map<_, _>>(),
        )
    }
}
