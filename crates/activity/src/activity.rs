use std::{sync::Arc, time::Duration};

use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Map, Value as Json, json};

use crate::{Culture, ErrorOutput, MappingError, OnFailure, Value, Wait, answer, call::Call, masked, request};

/// Parameters of an update that clear what the portal has. Measured on the running server: an empty list clears a map, an
/// empty text the others, and what is left out stays.
const CLEARED: [&str; 6] = [
    "DESCRIPTION",
    "USE_SUBSCRIPTION",
    "PROPERTIES",
    "RETURN_PROPERTIES",
    "DOCUMENT_TYPE",
    "FILTER",
];

/// An activity or a robot: what the portal is told and how its method is called.
#[derive(Debug, Clone)]
pub struct Activity {
    code: String,
    kind: Kind,
    call: Arc<Call>,
}

/// What an activity is to the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A step of the template designer: `bizproc.activity.*`.
    Activity,
    /// A robot of CRM and task automation: `bizproc.robot.*`.
    Robot,
}

impl Activity {
    pub(crate) fn new(code: String, kind: Kind, call: Arc<Call>) -> Self {
        Self { code, kind, call }
    }

    /// Code, unique in its set.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Activity or robot.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The gRPC method.
    pub fn method(&self) -> &MethodDescriptor {
        &self.call.method
    }

    /// Path of the gRPC method: `/package.Service/Method`.
    pub fn path(&self) -> &str {
        &self.call.path
    }

    /// Whether a workflow waits for the answer.
    pub fn wait(&self) -> Wait {
        self.call.wait
    }

    /// Longest time of one attempt, if the method has its own.
    pub fn attempt_timeout(&self) -> Option<Duration> {
        self.call.attempt_timeout
    }

    /// What happens when the executor fails for good.
    pub fn on_failure(&self) -> OnFailure {
        self.call.on_failure
    }

    /// Keys that carry a business error, if the activity has them.
    pub fn error_output(&self) -> Option<&ErrorOutput> {
        self.call.error_output.as_ref()
    }

    /// Parameters of `bizproc.activity.add` or `bizproc.robot.add`, all but `HANDLER` and `AUTH_USER_ID`.
    pub fn parameters(&self) -> Map<String, Json> {
        let mut parameters = Map::new();
        parameters.insert("CODE".to_owned(), self.code().into());
        parameters.extend(self.call.definition.clone());
        parameters
    }

    /// `FIELDS` of `bizproc.activity.update` or `bizproc.robot.update`, all but `HANDLER` and `AUTH_USER_ID`: what
    /// `parameters` leaves out is there as an empty value, since an update keeps what it isn't told.
    pub fn update_fields(&self) -> Map<String, Json> {
        let mut fields = self.call.definition.clone();
        for parameter in CLEARED {
            let empty = if matches!(parameter, "DESCRIPTION" | "USE_SUBSCRIPTION") {
                json!("")
            } else {
                json!([])
            };
            fields.entry(parameter).or_insert(empty);
        }
        fields
    }

    /// The request message for the properties of a callback, in any order. Properties that the activity doesn't declare
    /// are ignored. Texts become times by the portal's `culture`.
    ///
    /// # Errors
    /// A value that its field can't take.
    pub fn request<'a>(
        &self,
        properties: impl IntoIterator<Item = (&'a [u8], Value<'a>)>,
        culture: &Culture,
    ) -> Result<DynamicMessage, MappingError> {
        let mut message = DynamicMessage::new(self.call.method.input());
        for (key, value) in properties {
            if let Some(&index) = self.call.by_key.get(key) {
                request::set(&self.call.inputs[index], &mut message, &value, culture)?;
            }
        }
        Ok(message)
    }

    /// `RETURN_VALUES` for the response message. Unset `optional` fields are not there and keep their default in the
    /// workflow.
    ///
    /// # Errors
    /// A value that the portal can't take, or more bytes than the limit allows.
    pub fn answer(&self, response: &DynamicMessage) -> Result<Map<String, Json>, MappingError> {
        let mut values = answer::values(&self.call.outputs, response, self.call.answer_bytes)?;
        values.extend(self.error_answer("", ""));
        Ok(values)
    }

    /// `RETURN_VALUES` for a business error: empty unless the activity has the error output. What isn't there keeps its
    /// default in the workflow.
    pub fn error_answer(&self, code: &str, message: &str) -> Map<String, Json> {
        let mut values = Map::new();
        if let Some(keys) = self.error_output() {
            values.insert(keys.code_key.clone(), code.into());
            values.insert(keys.message_key.clone(), message.into());
        }
        values
    }

    /// The properties of a callback for a person's eyes: values of sensitive and of undeclared properties are hidden.
    pub fn masked<'a>(&self, properties: impl IntoIterator<Item = (&'a [u8], Value<'a>)>) -> Map<String, Json> {
        let shown = |key: &[u8]| {
            self.call
                .by_key
                .get(key)
                .is_some_and(|&index| !self.call.inputs[index].sensitive)
        };
        masked::properties(properties, shown)
    }

    /// `RETURN_VALUES` for a person's eyes: values of sensitive properties are hidden.
    pub fn masked_answer(&self, values: &Map<String, Json>) -> Map<String, Json> {
        let hidden = |key: &str| {
            self.call
                .outputs
                .iter()
                .any(|output| output.sensitive && output.key == key)
        };
        masked::answer(values, hidden)
    }

    /// Everything that decides how a callback of this activity is handled and what the portal is told.
    pub(crate) fn fingerprint(&self) -> Json {
        json!({ "kind": format!("{:?}", self.kind), "parameters": self.parameters(), "call": self.call.shape() })
    }
}
