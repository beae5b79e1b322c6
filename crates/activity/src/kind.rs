//! The type of a property: what the portal calls it and what its field is.

use std::ops::RangeInclusive;

use prost_reflect::{FieldDescriptor, Kind as FieldKind, Value as FieldValue};

use crate::{select::Options, timestamp::Timestamp};

/// Type of a property, with what is needed to read and write its values quickly.
#[derive(Debug)]
pub(crate) enum Type {
    /// `int`.
    Int(Int),
    /// `double`; a `float` field is narrower.
    Double { narrow: bool },
    /// `bool`, `Y` or `N` on the wire.
    Bool,
    /// `select`.
    Select(Options),
    /// `datetime`, a `google.protobuf.Timestamp`.
    Timestamp(Timestamp),
    /// `string`, `text`.
    Text(&'static str),
    /// Any other type of a text field, whose values are carried unchanged.
    Carried(String),
}

/// Integer types of protobuf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Int {
    I32,
    I64,
    U32,
    U64,
}

/// Types of the portal's own for which a text field is the way to carry them.
const CARRIED: [&str; 5] = ["date", "datetime", "file", "time", "user"];

/// Types of the portal's own that can't be a text field, and what to use.
const REFUSED: [(&str, &str); 12] = [
    ("bool", "a bool field"),
    ("custom", "another type"),
    ("document", "another type"),
    ("document_type", "another type"),
    ("double", "a double field"),
    ("entityselector", "another type"),
    ("int", "an integer field"),
    ("internalselect", "another type"),
    ("json", "another type"),
    ("mixed", "another type"),
    ("rules", "another type"),
    ("select", "an enum field"),
];

impl Type {
    /// Type of a field that is not an enum.
    ///
    /// # Errors
    /// Why no property can be made of the field.
    pub(crate) fn of_scalar(field: &FieldDescriptor) -> Result<Self, String> {
        let refused = match field.kind() {
            _ if field.is_map() => "a map".to_owned(),
            FieldKind::Double => return Ok(Type::Double { narrow: false }),
            FieldKind::Float => return Ok(Type::Double { narrow: true }),
            FieldKind::Int32 | FieldKind::Sint32 | FieldKind::Sfixed32 => return Ok(Type::Int(Int::I32)),
            FieldKind::Int64 | FieldKind::Sint64 | FieldKind::Sfixed64 => return Ok(Type::Int(Int::I64)),
            FieldKind::Uint32 | FieldKind::Fixed32 => return Ok(Type::Int(Int::U32)),
            FieldKind::Uint64 | FieldKind::Fixed64 => return Ok(Type::Int(Int::U64)),
            FieldKind::Bool => return Ok(Type::Bool),
            FieldKind::String => return Ok(Type::Text("string")),
            FieldKind::Message(message) if let Some(timestamp) = Timestamp::of(&message) => {
                return Ok(Type::Timestamp(timestamp));
            }
            FieldKind::Bytes => "bytes".to_owned(),
            FieldKind::Message(message) => format!("a message ({})", message.full_name()),
            FieldKind::Enum(_) => "an enum".to_owned(),
        };
        Err(format!(
            "is {refused}, which no property can carry; use a string, an integer, a double, a float, a bool, an enum or a google.protobuf.Timestamp, or `repeated` of these"
        ))
    }

    /// Type of a text field that names its type.
    ///
    /// # Errors
    /// Why a text field can't have this type.
    pub(crate) fn of_text(name: &str, has_document_type: bool) -> Result<Self, String> {
        let lower = name.to_ascii_lowercase();
        let own = match name {
            "string" => return Ok(Type::Text("string")),
            "text" => return Ok(Type::Text("text")),
            _ if CARRIED.contains(&name) => return Ok(Type::Carried(name.to_owned())),
            _ => lower == "string" || lower == "text" || CARRIED.contains(&&*lower),
        };
        if own {
            return Err(format!("has the type {name:?}; write it in lower case"));
        }
        if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == lower) {
            return Err(format!("is a string field with the type {name:?}; use {instead}"));
        }
        let valid = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
        if !valid {
            return Err(format!(
                "has the type {name:?}, which no portal has; use string, text, user, file, date, datetime, time or a type of a document's own (`UF:money`)"
            ));
        }
        if !has_document_type {
            return Err(format!(
                "has the type {name:?}, which only some documents have; set `document_type` in the method's bizproc.v1.activity option, \
                 or use string, text, user, file, date, datetime or time"
            ));
        }
        Ok(Type::Carried(name.to_owned()))
    }

    /// What the portal calls the type.
    pub(crate) fn portal_name(&self) -> &str {
        match self {
            Type::Int(_) => "int",
            Type::Double { .. } => "double",
            Type::Bool => "bool",
            Type::Select(_) => "select",
            Type::Timestamp(_) => "datetime",
            Type::Text(name) => name,
            Type::Carried(name) => name,
        }
    }

    /// Whether an empty text is a value, not an untouched property.
    pub(crate) fn keeps_empty(&self) -> bool {
        matches!(self, Type::Text(_))
    }

    /// Whether the field of a single value must be able to tell a zero from nothing.
    pub(crate) fn needs_presence(&self) -> bool {
        matches!(self, Type::Int(_) | Type::Double { .. } | Type::Bool)
    }
}

impl Int {
    /// Values of the type.
    pub(crate) fn range(self) -> RangeInclusive<i128> {
        match self {
            Int::I32 => i32::MIN.into()..=i32::MAX.into(),
            Int::I64 => i64::MIN.into()..=i64::MAX.into(),
            Int::U32 => 0..=u32::MAX.into(),
            Int::U64 => 0..=u64::MAX.into(),
        }
    }

    /// The number as a value of a field; nothing when it is out of range.
    pub(crate) fn field_value(self, number: i128) -> Option<FieldValue> {
        match self {
            Int::I32 => number.try_into().ok().map(FieldValue::I32),
            Int::I64 => number.try_into().ok().map(FieldValue::I64),
            Int::U32 => number.try_into().ok().map(FieldValue::U32),
            Int::U64 => number.try_into().ok().map(FieldValue::U64),
        }
    }
}
