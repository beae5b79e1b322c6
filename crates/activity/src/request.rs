//! Values of a callback into fields of the request.

use prost_reflect::{DynamicMessage, Value as FieldValue};

use crate::{
    Culture, Key, MappingError, Value,
    culture::Unread,
    kind::Type,
    masked::HIDDEN,
    number::{self, NotWhole},
    property::Property,
};

/// Characters of a value that an error shows.
const SHOWN: usize = 100;

/// Sets the field of a property, or leaves it absent when nobody has touched the property.
pub(crate) fn set(
    property: &Property,
    message: &mut DynamicMessage,
    value: &Value<'_>,
    culture: &Culture,
) -> Result<(), MappingError> {
    let value = if property.multiple {
        list(property, value, culture)?
    } else {
        single(property, value, culture)?
    };
    if let Some(value) = value {
        message.set_field(&property.field, value);
    }
    Ok(())
}

/// One value, or a list of exactly one: any property may come as a list, users do.
fn single(property: &Property, value: &Value<'_>, culture: &Culture) -> Result<Option<FieldValue>, MappingError> {
    match value {
        Value::Text(text) => field_value(property, text, culture),
        Value::List(items) => match &items[..] {
            [] => Ok(None),
            [item] => field_value(property, text(property, item)?, culture),
            items => Err(error(property, format!("has {} values, but it takes one", items.len()))),
        },
    }
}

/// A list, or one value. A list's gaps close; an empty text in place of the list is an untouched property.
fn list(property: &Property, value: &Value<'_>, culture: &Culture) -> Result<Option<FieldValue>, MappingError> {
    let items = match value {
        Value::Text([]) => return Ok(None),
        Value::Text(text) => field_value(property, text, culture)?.into_iter().collect(),
        Value::List(items) => {
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                values.extend(field_value(property, text(property, item)?, culture)?);
            }
            values
        }
    };
    Ok(Some(FieldValue::List(items)))
}

fn text<'v>(property: &Property, (key, value): &(Key<'_>, Value<'v>)) -> Result<&'v [u8], MappingError> {
    match (key, value) {
        (Key::Int(_), Value::Text(text)) => Ok(text),
        (Key::Int(_), Value::List(_)) => Err(error(property, "has a list inside a list, but it takes texts")),
        (Key::Text(key), _) => Err(error(
            property,
            format!(
                "is a map (with the key {}), but it takes {}",
                shown(property, key),
                if property.multiple { "a list" } else { "one value" }
            ),
        )),
    }
}

/// A value of the field; nothing for an empty text that is no value of its type.
fn field_value(property: &Property, bytes: &[u8], culture: &Culture) -> Result<Option<FieldValue>, MappingError> {
    if bytes.is_empty() && !property.kind.keeps_empty() {
        return Ok(None);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(error(
            property,
            format!("{} is not valid UTF-8", shown(property, bytes)),
        ));
    };
    let refused = |why: &str| error(property, format!("{} {why}", shown(property, bytes)));
    let value = match &property.kind {
        Type::Text(_) | Type::Carried(_) => FieldValue::String(text.to_owned()),
        Type::Bool => FieldValue::Bool(number::truth(text).ok_or_else(|| refused("is neither `Y` nor `N`"))?),
        Type::Double { narrow: false } => {
            FieldValue::F64(number::real(text).ok_or_else(|| refused("is not a number"))?)
        }
        Type::Double { narrow: true } => {
            let number = number::real(text).ok_or_else(|| refused("is not a number"))?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float field is narrower; what doesn't fit is infinite"
            )]
            let number = number as f32;
            FieldValue::F32(
                Some(number)
                    .filter(|number| number.is_finite())
                    .ok_or_else(|| refused("is too large"))?,
            )
        }
        Type::Int(int) => {
            let out_of_range = || {
                let range = int.range();
                refused(&format!("is not between {} and {}", range.start(), range.end()))
            };
            let number = number::whole(text).map_err(|why| match why {
                NotWhole::NoNumber | NotWhole::Fraction => refused("is not a whole number"),
                NotWhole::Rounded => {
                    refused("is a whole number that was rounded on its way; make it an integer or a text")
                }
                NotWhole::Large => out_of_range(),
            })?;
            int.field_value(number).ok_or_else(out_of_range)?
        }
        Type::Select(options) => {
            let number = options
                .number(bytes)
                .ok_or_else(|| refused(&format!("is not one of: {}", options.keys())))?;
            FieldValue::EnumNumber(number)
        }
        Type::Timestamp(timestamp) => timestamp.field_value(culture.read(text).map_err(|Unread(why)| refused(&why))?),
    };
    Ok(Some(value))
}

fn error(property: &Property, reason: impl Into<String>) -> MappingError {
    MappingError::new(&property.key, reason)
}

/// A value in an error: quoted and cut, or hidden.
fn shown(property: &Property, bytes: &[u8]) -> String {
    if property.sensitive {
        return HIDDEN.to_owned();
    }
    // A character has at most four bytes: no need to look at all of a long value.
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN + 4)]);
    match start.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &start[..end]),
        None => format!("{start:?}"),
    }
}
