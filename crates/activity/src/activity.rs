use std::{sync::Arc, time::Duration};

use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Map, Value as Json};

use crate::{MappingError, Value};

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

/// Whether a workflow waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// It waits: `USE_SUBSCRIPTION` is `Y`.
    Always,
    /// It goes on at once: `N`.
    Never,
    /// The author of the template decides: not sent.
    Designer,
}

/// What happens when the executor fails for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// The workflow is answered with a business error and goes on.
    Answer,
    /// The job waits for a person.
    Park,
}

/// Keys of the returned properties that carry a business error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorOutput {
    /// Key of the error code.
    pub code_key: String,
    /// Key of the error message.
    pub message_key: String,
}

#[derive(Debug)]
pub(crate) struct Call {
    method: MethodDescriptor,
    path: String,
    wait: Wait,
    attempt_timeout: Option<Duration>,
    on_failure: OnFailure,
    error_output: Option<ErrorOutput>,
}

impl Activity {
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
        unimplemented!()
    }

    /// `FIELDS` of `bizproc.activity.update` or `bizproc.robot.update`, all but `HANDLER` and `AUTH_USER_ID`: what
    /// `parameters` leaves out is there as an empty value, since an update keeps what it isn't told.
    pub fn update_fields(&self) -> Map<String, Json> {
        unimplemented!()
    }

    /// The request message for the properties of a callback, in any order. Properties that the activity doesn't declare
    /// are ignored.
    ///
    /// # Errors
    /// A value that its field can't take.
    pub fn request<'a>(
        &self,
        properties: impl IntoIterator<Item = (&'a [u8], Value<'a>)>,
    ) -> Result<DynamicMessage, MappingError> {
        let _ = properties.into_iter().count();
        unimplemented!()
    }

    /// `RETURN_VALUES` for the response message.
    ///
    /// # Errors
    /// A value that the portal can't take, or more bytes than the limit allows.
    pub fn answer(&self, response: &DynamicMessage) -> Result<Map<String, Json>, MappingError> {
        let _ = response;
        unimplemented!()
    }

    /// `RETURN_VALUES` for a business error: empty unless the activity has the error output. What isn't there keeps its
    /// default in the workflow.
    pub fn error_answer(&self, code: &str, message: &str) -> Map<String, Json> {
        let _ = (code, message);
        unimplemented!()
    }

    /// The properties of a callback for a person's eyes: values of sensitive and of undeclared properties are hidden.
    pub fn masked<'a>(&self, properties: impl IntoIterator<Item = (&'a [u8], Value<'a>)>) -> Map<String, Json> {
        let _ = properties.into_iter().count();
        unimplemented!()
    }

    /// `RETURN_VALUES` for a person's eyes: values of sensitive properties are hidden.
    pub fn masked_answer(&self, values: &Map<String, Json>) -> Map<String, Json> {
        let _ = values;
        unimplemented!()
    }
}
