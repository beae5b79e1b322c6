//! A property: one field of a request or response, as the portal knows it.

use prost_reflect::{Cardinality, FieldDescriptor, Kind as FieldKind, MessageDescriptor};
use proto::bizproc::v1::Property as PropertyAnnotation;
use serde_json::{Map, Value as Json, json};

use crate::{
    Limits,
    annotation::{self, FIELD},
    files::Files,
    kind::Type,
    localized::Localized,
    names, number,
    report::Report,
    select::Options,
    wire,
};

/// Field number of the fields in a message's descriptor.
const MESSAGE_FIELD: u64 = 2;

/// One property of an activity.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) key: String,
    pub(crate) field: FieldDescriptor,
    pub(crate) kind: Type,
    pub(crate) multiple: bool,
    pub(crate) sensitive: bool,
    name: Localized,
    description: Localized,
    required: bool,
    default: Vec<String>,
}

/// Which way the values of a property go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the portal: PROPERTIES.
    In,
    /// To the portal: `RETURN_PROPERTIES`.
    Out,
}

/// What the fields of a message are read by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) files: &'a Files,
    pub(crate) limits: &'a Limits,
    pub(crate) has_document_type: bool,
}

impl Source<'_> {
    /// The properties of a message, in the order of its file; broken rules go to the report.
    pub(crate) fn properties(
        self,
        message: &MessageDescriptor,
        way: Direction,
        report: &mut Report<'_>,
    ) -> Vec<Property> {
        if message.fields().len() > self.limits.fields {
            report.method(format!(
                "the message {} has more than {} fields; split the method",
                message.full_name(),
                self.limits.fields
            ));
            return Vec::new();
        }
        let bytes = self.files.get(message.parent_file().name());
        let bytes = bytes
            .and_then(|file| annotation::descend(file, message.path()))
            .unwrap_or_default();
        let encoded: Vec<_> = wire::all(bytes, MESSAGE_FIELD).collect();
        // Reflection orders fields by number, people by place.
        let mut fields: Vec<_> = message.fields().collect();
        fields.sort_by_key(|field| field.path().last().copied());
        fields
            .into_iter()
            .filter_map(|field| {
                let index = field.path().last().and_then(|&index| usize::try_from(index).ok());
                let encoded = index.and_then(|index| encoded.get(index)).copied().unwrap_or_default();
                self.property(field, encoded, way, report)
            })
            .collect()
    }

    fn property(
        self,
        field: FieldDescriptor,
        encoded: &[u8],
        way: Direction,
        report: &mut Report<'_>,
    ) -> Option<Property> {
        let annotation = annotation::read::<PropertyAnnotation>(encoded, FIELD).unwrap_or_else(|fault| {
            report.field(&field, fault);
            None
        });
        let annotation = annotation.unwrap_or_default();
        let key = if annotation.key.is_empty() {
            field.json_name().to_owned()
        } else {
            annotation.key
        };
        if let Some(fault) = names::key_fault(&key) {
            report.field(&field, fault);
        }
        let name = Localized::read("the name", &annotation.name, |fault| report.field(&field, fault));
        let description = Localized::read("the description", &annotation.description, |fault| {
            report.field(&field, fault);
        });
        let kind = self.kind(&field, &annotation.r#type, report)?;
        check_shape(&field, &kind, way, report);
        if annotation.required && way == Direction::Out {
            report.field(
                &field,
                "is `required`, which has no meaning for what is returned; remove it",
            );
        }
        let multiple = field.is_list();
        let default = check_default(&field, &kind, annotation.default, report);
        Some(Property {
            key,
            kind,
            multiple,
            sensitive: annotation.sensitive,
            name,
            description,
            required: annotation.required && way == Direction::In,
            default,
            field,
        })
    }

    fn kind(self, field: &FieldDescriptor, type_name: &str, report: &mut Report<'_>) -> Option<Type> {
        if !type_name.is_empty() && !(matches!(field.kind(), FieldKind::String)) {
            report.field(
                field,
                format!("has the type {type_name:?}, but only a string field can have one; remove `type`"),
            );
        }
        if let FieldKind::Enum(descriptor) = field.kind() {
            return Some(Type::Select(Options::read(
                &descriptor,
                self.files,
                self.limits,
                |fault| {
                    report.field(field, fault);
                },
            )));
        }
        let kind = Type::of_scalar(field).and_then(|kind| match kind {
            Type::Text(_) if !type_name.is_empty() => Type::of_text(type_name, self.has_document_type),
            kind => Ok(kind),
        });
        kind.map_err(|fault| report.field(field, fault)).ok()
    }
}

impl Property {
    /// The definition as the portal takes it.
    pub(crate) fn to_json(&self, way: Direction) -> Json {
        let mut definition = Map::new();
        let name = if self.name.is_empty() {
            Json::from(&*self.key)
        } else {
            self.name.to_json()
        };
        definition.insert("Name".to_owned(), name);
        if !self.description.is_empty() {
            definition.insert("Description".to_owned(), self.description.to_json());
        }
        definition.insert("Type".to_owned(), self.kind.portal_name().into());
        if way == Direction::In {
            definition.insert("Required".to_owned(), yes_no(self.required));
        }
        definition.insert("Multiple".to_owned(), yes_no(self.multiple));
        if let Type::Select(options) = &self.kind {
            definition.insert("Options".to_owned(), options.to_json());
        }
        match &*self.default {
            [] => {}
            // A list, whose keys the server has no letters to put into upper case in.
            values if self.multiple => drop(definition.insert("Default".to_owned(), values.into())),
            values => drop(definition.insert("Default".to_owned(), values.concat().into())),
        }
        Json::Object(definition)
    }

    /// What decides how values are read and written, but what the portal is told.
    pub(crate) fn shape(&self) -> Json {
        json!({
            "key": self.key,
            "number": self.field.number(),
            "kind": format!("{:?}", self.field.kind()),
            "type": self.kind.portal_name(),
            "list": self.multiple,
            "packed": self.field.is_packed(),
            "presence": self.field.supports_presence(),
            "options": if let Type::Select(options) = &self.kind { options.shape() } else { Json::Null },
            "sensitive": self.sensitive,
        })
    }
}

fn yes_no(yes: bool) -> Json {
    Json::from(if yes { "Y" } else { "N" })
}

fn check_shape(field: &FieldDescriptor, kind: &Type, way: Direction, report: &mut Report<'_>) {
    if field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
        report.field(
            field,
            "is in a `oneof`, which the portal's designer can't show; make it a field of its own",
        );
    }
    if field.cardinality() == Cardinality::Required {
        report.field(
            field,
            "is `required` in proto2; make it `optional`: an untouched property has no value",
        );
    }
    if way == Direction::In && kind.needs_presence() && !field.is_list() && !field.supports_presence() {
        report.field(
            field,
            format!(
                "is a single {}; make it `optional`, so that an untouched property is not read as {}",
                kind.portal_name(),
                match kind {
                    Type::Bool => "no",
                    _ => "0",
                }
            ),
        );
    }
}

/// The default as the portal takes it: expressions as they are, values in the portal's spelling.
fn check_default(field: &FieldDescriptor, kind: &Type, default: Vec<String>, report: &mut Report<'_>) -> Vec<String> {
    if default.len() > 1 && !field.is_list() {
        report.field(
            field,
            "has several defaults, but only a repeated field can have them; keep one",
        );
    }
    let value = |text: String, report: &mut Report<'_>| {
        if text.contains("{=") {
            return text; // an expression: the portal computes it
        }
        let wanted = match kind {
            Type::Timestamp(_) => {
                let fault = format!(
                    "has the default {text:?}, but each portal writes dates in its own form; write an expression (`{{=Document:…}}`)"
                );
                report.field(field, fault);
                return text;
            }
            Type::Text(_) | Type::Carried(_) => return text,
            Type::Bool => match number::truth(&text) {
                Some(true) => return "Y".to_owned(),
                Some(false) => return "N".to_owned(),
                None => "`Y` or `N`".to_owned(),
            },
            Type::Double { .. } if number::real(&text).is_some() => return text,
            Type::Double { .. } => "a number".to_owned(),
            Type::Int(int) if number::whole(&text).is_ok_and(|number| int.range().contains(&number)) => return text,
            Type::Int(int) => format!("a whole number from {} to {}", int.range().start(), int.range().end()),
            Type::Select(options) if options.number(text.as_bytes()).is_some() => return text,
            Type::Select(options) => format!("the key of an option ({})", options.keys()),
        };
        report.field(
            field,
            format!("has the default {text:?}; write {wanted}, or an expression (`{{=Document:…}}`)"),
        );
        text
    };
    default.into_iter().map(|text| value(text, report)).collect()
}
