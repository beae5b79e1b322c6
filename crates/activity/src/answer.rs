//! Fields of the response into returned values.

use prost_reflect::{DynamicMessage, Value as FieldValue};
use serde_json::{Map, Number, Value as Json};

use crate::{MappingError, kind::Type, property::Property, timestamp};

/// Bytes that JSON takes for a value beside its text, at least: quotes and a comma.
const AROUND: usize = 3;

pub(crate) fn values(
    outputs: &[Property],
    response: &DynamicMessage,
    limit: usize,
) -> Result<Map<String, Json>, MappingError> {
    let mut values = Map::new();
    let mut size = 0;
    for property in outputs {
        if property.field.supports_presence() && !response.has_field(&property.field) {
            continue;
        }
        let value = match (&*response.get_field(&property.field), property.multiple) {
            (FieldValue::List(items), true) => {
                // An unspecified item is nothing: it closes like a gap.
                let items: Result<Vec<_>, _> = items
                    .iter()
                    .filter_map(|item| value(property, item).transpose())
                    .collect();
                Some(Json::Array(items?))
            }
            (field_value, false) => match value(property, field_value)? {
                None if property.field.supports_presence() => None,
                None => Some(Json::from("")),
                value => value,
            },
            _ => return Err(mismatch(property)),
        };
        let Some(value) = value else { continue };
        size += property.key.len() + AROUND + size_of(&value);
        if size > limit {
            return Err(MappingError::new(
                "",
                format!("the executor's answer is larger than {limit} bytes"),
            ));
        }
        values.insert(property.key.clone(), value);
    }
    Ok(values)
}

/// A value as the portal takes it; nothing for an enum's unspecified value.
fn value(property: &Property, value: &FieldValue) -> Result<Option<Json>, MappingError> {
    Ok(Some(match (&property.kind, value) {
        (Type::Text(_) | Type::Carried(_), FieldValue::String(text)) => text.as_str().into(),
        (Type::Bool, FieldValue::Bool(yes)) => if *yes { "Y" } else { "N" }.into(),
        (Type::Int(_), FieldValue::I32(number)) => (*number).into(),
        (Type::Int(_), FieldValue::I64(number)) => (*number).into(),
        (Type::Int(_), FieldValue::U32(number)) => (*number).into(),
        // PHP reads a larger integer as a float and loses digits: a text keeps them.
        (Type::Int(_), FieldValue::U64(number)) => {
            i64::try_from(*number).map_or_else(|_| number.to_string().into(), Json::from)
        }
        (Type::Double { .. }, FieldValue::F64(number)) => real(property, *number)?,
        // By its shortest text, or 0.1 would become 0.10000000149011612.
        (Type::Double { .. }, FieldValue::F32(number)) => {
            real(property, number.to_string().parse().unwrap_or(f64::NAN))?
        }
        (Type::Select(_), FieldValue::EnumNumber(0)) => return Ok(None),
        (Type::Select(options), FieldValue::EnumNumber(number)) => options
            .key(*number)
            .ok_or_else(|| {
                MappingError::new(
                    &property.key,
                    format!("the executor returned {number}, which is no option of it"),
                )
            })?
            .into(),
        (Type::Timestamp(timestamp), FieldValue::Message(message)) => {
            let seconds = timestamp.seconds(message).ok_or_else(|| {
                MappingError::new(
                    &property.key,
                    "the executor returned a timestamp that is not between the years 1 and 9999",
                )
            })?;
            timestamp::text(seconds).into()
        }
        _ => return Err(mismatch(property)),
    }))
}

fn real(property: &Property, number: f64) -> Result<Json, MappingError> {
    Number::from_f64(number).map(Json::Number).ok_or_else(|| {
        MappingError::new(
            &property.key,
            "the executor returned a number that is not finite, which the portal has no form for",
        )
    })
}

fn size_of(value: &Json) -> usize {
    match value {
        Json::String(text) => AROUND + text.len(),
        Json::Array(items) => AROUND + items.iter().map(size_of).sum::<usize>(),
        _ => AROUND,
    }
}

fn mismatch(property: &Property) -> MappingError {
    MappingError::new(
        &property.key,
        "the response is not the method's: its field has another type",
    )
}
