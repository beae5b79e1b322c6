//! Commands of a batch.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::batch_safe::{FIELDS, is_safe_text};

/// What RFC 3986 leaves literal. Brackets are encoded, too: a command goes through `parse_url` first.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One call within a batch: `METHOD?QUERY`, the query as PHP's `http_build_query` writes it. So values arrive as texts, null and what
/// is empty not at all.
#[derive(Clone, Debug)]
pub struct Command {
    text: String,
    fields: usize,
    is_altered: bool,
}

impl Command {
    /// A call of a method, not of `batch` itself.
    pub fn new(method: &str) -> Self {
        let mut text = String::with_capacity(256);
        text += method;
        text.push('?');
        Self {
            text,
            fields: 0,
            is_altered: false,
        }
    }

    /// Adds a parameter; a name like `FILTER[ID][0]` is an element of one.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.is_altered |= !is_safe_text(text);
        self.separate();
        self.text.extend(utf8_percent_encode(name, ENCODED));
        self.assign(text);
        self
    }

    /// Adds a parameter that is written as JSON.
    #[must_use]
    pub fn json(mut self, name: &str, json: &str) -> Self {
        let mut name: String = utf8_percent_encode(name, ENCODED).collect();
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let member = Member {
            command: &mut self,
            name: &mut name,
        };
        let read = member.deserialize(&mut deserializer);
        self.is_altered |= read.and_then(|()| deserializer.end()).is_err();
        self
    }

    /// Whether the portal's method gets what a call of its own would get: texts, and lists and maps of texts that are not empty and
    /// hold nothing that the portal alters. Numbers, booleans, null and what is empty lose their type.
    pub fn is_safe(&self) -> bool {
        !self.is_altered && (1..=FIELDS).contains(&self.fields)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    fn add(&mut self, name: &str, text: &str) {
        self.is_altered |= !is_safe_text(text);
        self.pair(name, text);
    }

    /// Adds what arrives as another type than it was.
    fn add_altered(&mut self, name: &str, text: &str) {
        self.is_altered = true;
        self.pair(name, text);
    }

    fn pair(&mut self, name: &str, text: &str) {
        self.separate();
        self.text += name;
        self.assign(text);
    }

    fn separate(&mut self) {
        if self.fields > 0 {
            self.text.push('&');
        }
        self.fields += 1;
    }

    fn assign(&mut self, text: &str) {
        self.text.push('=');
        self.text.extend(utf8_percent_encode(text, ENCODED));
    }
}

/// A value of a command by its name, which is encoded.
struct Member<'a> {
    command: &'a mut Command,
    name: &'a mut String,
}

impl Member<'_> {
    fn inner(&mut self) -> Member<'_> {
        Member {
            command: self.command,
            name: self.name,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = ();

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.command.add(self.name, text);
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.command.add_altered(self.name, if flag { "1" } else { "0" });
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.command.add_altered(self.name, &number.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.command.add_altered(self.name, &number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.command.add_altered(self.name, &number.to_string());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.command.is_altered = true;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let length = self.name.len();
        for at in 0.. {
            self.name.push_str("%5B");
            self.name.push_str(&at.to_string());
            self.name.push_str("%5D");
            let next = list.next_element_seed(self.inner())?;
            self.name.truncate(length);
            if next.is_none() {
                self.command.is_altered |= at == 0;
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let length = self.name.len();
        let mut is_empty = true;
        while map.next_key_seed(Key(self.inner()))?.is_some() {
            is_empty = false;
            map.next_value_seed(self.inner())?;
            self.name.truncate(length);
        }
        self.command.is_altered |= is_empty;
        Ok(())
    }
}

/// Appends a key to the name.
struct Key<'a>(Member<'a>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<(), E> {
        let Member { command, name } = self.0;
        command.is_altered |= !is_safe_text(key);
        name.push_str("%5B");
        name.extend(utf8_percent_encode(key, ENCODED));
        name.push_str("%5D");
        Ok(())
    }
}
