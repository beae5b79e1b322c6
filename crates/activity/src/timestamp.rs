//! Moments: `google.protobuf.Timestamp` on our side, `datetime` on the portal's.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::culture::SECONDS;

const TIMESTAMP: &str = "google.protobuf.Timestamp";
/// The beginning of Unix time in another of the forms that the server takes as exact: PHP calls `"0"` empty, and the
/// server stores it as it is.
const BEGINNING: &str = "1970-01-01T00:00:00+00:00 [0]";

/// A timestamp's message, which an executor brings in its own descriptors.
#[derive(Debug)]
pub(crate) struct Timestamp {
    message: MessageDescriptor,
    seconds: FieldDescriptor,
}

impl Timestamp {
    /// Of a message that is a timestamp not only by its name.
    pub(crate) fn of(message: &MessageDescriptor) -> Option<Self> {
        let field = |number, kind| {
            let field = message.get_field(number)?;
            (field.kind() == kind && !field.is_list()).then_some(field)
        };
        let seconds = field(1, Kind::Int64)?;
        field(2, Kind::Int32)?;
        (message.full_name() == TIMESTAMP).then(|| Self {
            message: message.clone(),
            seconds,
        })
    }

    pub(crate) fn field_value(&self, seconds: i64) -> Value {
        let mut message = DynamicMessage::new(self.message.clone());
        message.set_field(&self.seconds, Value::I64(seconds));
        Value::Message(message)
    }

    /// The whole seconds of a timestamp; nothing outside the years that a timestamp may have.
    pub(crate) fn seconds(&self, message: &DynamicMessage) -> Option<i64> {
        let seconds = message.get_field(&self.seconds).as_i64()?;
        SECONDS.contains(&seconds).then_some(seconds)
    }
}

/// What the portal reads as exactly this time, whatever its culture, its zone and the token's user: measured on the
/// running server, which shifts the other forms. A text, since the server leaves a JSON number as it is.
pub(crate) fn text(seconds: i64) -> String {
    if seconds == 0 {
        return BEGINNING.to_owned();
    }
    seconds.to_string()
}
