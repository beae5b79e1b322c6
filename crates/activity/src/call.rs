//! What activity and robot of one method have in common, read from its descriptor.

use std::{collections::HashMap, time::Duration};

use prost_reflect::MethodDescriptor;
use proto::bizproc::v1 as annotations;
use serde_json::{Map, Value as Json, json};

use crate::{
    ErrorOutput, OnFailure, Wait, document,
    localized::Localized,
    names, php_size,
    property::{Direction, Property, Source},
    report::Report,
};

/// Longest attempt: a job without a deadline of its own lives for a day.
const LONGEST_ATTEMPT: Duration = Duration::from_hours(24);

/// A method, ready to be called, and what the portal is told of it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: MethodDescriptor,
    pub(crate) path: String,
    pub(crate) wait: Wait,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) on_failure: OnFailure,
    pub(crate) error_output: Option<ErrorOutput>,
    pub(crate) inputs: Vec<Property>,
    /// Index of an input by its key.
    pub(crate) by_key: HashMap<Box<[u8]>, usize>,
    pub(crate) outputs: Vec<Property>,
    pub(crate) answer_bytes: usize,
    /// Parameters for the portal but the code.
    pub(crate) definition: Map<String, Json>,
}

impl Call {
    /// Reads a method; broken rules go to the report.
    pub(crate) fn read(
        method: MethodDescriptor,
        annotation: &annotations::Activity,
        source: Source<'_>,
        report: &mut Report<'_>,
    ) -> Self {
        if method.is_client_streaming() || method.is_server_streaming() {
            report.method("streams, but a portal asks once and takes one answer; make it a unary method");
        }
        check_codes(annotation, report);
        let inputs = source.properties(&method.input(), Direction::In, report);
        let outputs = source.properties(&method.output(), Direction::Out, report);
        let error_output = annotation.error_output.as_ref().map(error_output);
        check_keys(&inputs, &outputs, error_output.as_ref(), report);
        let has_outputs = method.output().fields().len() > 0 || error_output.is_some();
        let wait = wait(annotation, has_outputs, report);
        let call = Self {
            path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
            wait,
            attempt_timeout: annotation
                .attempt_timeout
                .as_ref()
                .and_then(|timeout| attempt_timeout(timeout, report)),
            on_failure: on_failure(annotation, report),
            by_key: inputs
                .iter()
                .enumerate()
                .map(|(index, input)| (input.key.as_bytes().into(), index))
                .collect(),
            definition: definition(annotation, wait, &inputs, &outputs, error_output.as_ref(), report),
            error_output,
            inputs,
            outputs,
            answer_bytes: source.limits.answer_bytes,
            method,
        };
        for (parameter, value) in &call.definition {
            let size = php_size::serialized_size(value);
            if size >= php_size::LIMIT {
                report.method(format!(
                    "{parameter} takes {size} bytes in the portal's database, which has room for {}; shorten names, descriptions, defaults or options",
                    php_size::LIMIT - 1
                ));
            }
        }
        call
    }

    /// How the method is called and its values are read and written.
    pub(crate) fn shape(&self) -> Json {
        json!({
            "path": self.path,
            "request": self.inputs.iter().map(Property::shape).collect::<Vec<_>>(),
            "response": self.outputs.iter().map(Property::shape).collect::<Vec<_>>(),
            "wait": format!("{:?}", self.wait),
            "attempt_timeout": self.attempt_timeout.map(|timeout| format!("{timeout:?}")),
            "on_failure": format!("{:?}", self.on_failure),
            "error_output": self.error_output.as_ref().map(|output| [&output.code_key, &output.message_key]),
        })
    }
}

fn check_codes(annotation: &annotations::Activity, report: &mut Report<'_>) {
    if annotation.code.is_empty() && annotation.robot_code.is_empty() {
        report.method(
            "has a bizproc.v1.activity option without a code; set `code` (an activity), `robot_code` (a robot) or both",
        );
    }
    for code in [&annotation.code, &annotation.robot_code] {
        if let Some(fault) = names::code_fault(code) {
            report.method(format!("{fault}; choose another, it stays for life"));
        }
    }
}

fn error_output(annotation: &annotations::ErrorOutput) -> ErrorOutput {
    let or = |key: &str, default: &str| {
        if key.is_empty() {
            default.to_owned()
        } else {
            key.to_owned()
        }
    };
    ErrorOutput {
        code_key: or(&annotation.code_key, "errorCode"),
        message_key: or(&annotation.message_key, "errorMessage"),
    }
}

/// Keys must differ by more than case: the designer's form puts the keys of inputs into lower case, an answer those of
/// outputs into upper case; and an input and an output of one key share one variable.
fn check_keys(inputs: &[Property], outputs: &[Property], error: Option<&ErrorOutput>, report: &mut Report<'_>) {
    let mut known: HashMap<String, String> = HashMap::new();
    for property in inputs.iter().chain(outputs) {
        let other = known.insert(property.key.to_ascii_lowercase(), property.field.full_name().to_owned());
        if let Some(other) = other {
            report.field(
                &property.field,
                format!(
                    "has the key {:?}, as {other} has, or they differ only in case, which the portal doesn't tell apart; \
                     set another `key` in one's bizproc.v1.property option",
                    property.key
                ),
            );
        }
    }
    let Some(error) = error else { return };
    for key in [&error.code_key, &error.message_key] {
        if let Some(fault) = names::key_fault(key) {
            report.method(format!("error_output: {fault}"));
        }
        if let Some(other) = known.insert(key.to_ascii_lowercase(), "the other key of the error output".to_owned()) {
            report.method(format!(
                "error_output: the key {key:?} is that of {other}, perhaps but for case; set another `code_key` or `message_key`"
            ));
        }
    }
}

fn wait(annotation: &annotations::Activity, has_outputs: bool, report: &mut Report<'_>) -> Wait {
    match annotations::Wait::try_from(annotation.wait) {
        Ok(annotations::Wait::Unspecified) if has_outputs => Wait::Always,
        Ok(annotations::Wait::Unspecified) => Wait::Never,
        Ok(annotations::Wait::Always) => Wait::Always,
        Ok(annotations::Wait::Never) => {
            if has_outputs {
                report.method(
                    "has outputs and WAIT_NEVER: a workflow that doesn't wait never gets them; remove `wait`, or the response's fields and the error output",
                );
            }
            Wait::Never
        }
        Ok(annotations::Wait::Designer) => {
            if !annotation.robot_code.is_empty() {
                report.method(
                    "is a robot with WAIT_DESIGNER, but a robot's dialog has no such choice and it would never wait; choose WAIT_ALWAYS or WAIT_NEVER",
                );
            }
            Wait::Designer
        }
        Err(_) => {
            report.method(format!(
                "has the unknown `wait` {}; choose a value of bizproc.v1.Wait",
                annotation.wait
            ));
            Wait::Always
        }
    }
}

fn on_failure(annotation: &annotations::Activity, report: &mut Report<'_>) -> OnFailure {
    match annotations::OnFailure::try_from(annotation.on_failure) {
        Ok(annotations::OnFailure::Unspecified | annotations::OnFailure::Answer) => OnFailure::Answer,
        Ok(annotations::OnFailure::Park) => OnFailure::Park,
        Err(_) => {
            report.method(format!(
                "has the unknown `on_failure` {}; choose a value of bizproc.v1.OnFailure",
                annotation.on_failure
            ));
            OnFailure::Answer
        }
    }
}

fn attempt_timeout(timeout: &prost_types::Duration, report: &mut Report<'_>) -> Option<Duration> {
    let timeout = Duration::try_from(*timeout).unwrap_or_default();
    if timeout.is_zero() {
        report.method("has an `attempt_timeout` that is not above zero; set a time, or remove it for the default");
        return None;
    }
    if timeout > LONGEST_ATTEMPT {
        report.method("has an `attempt_timeout` of more than 24 hours; a job doesn't live that long");
        return None;
    }
    Some(timeout)
}

fn definition(
    annotation: &annotations::Activity,
    wait: Wait,
    inputs: &[Property],
    outputs: &[Property],
    error: Option<&ErrorOutput>,
    report: &mut Report<'_>,
) -> Map<String, Json> {
    let mut definition = Map::new();
    let name = Localized::read("the name", &annotation.name, |fault| report.method(fault));
    if name.is_empty() {
        report.method("has no name; set `name` with at least `en`");
    }
    definition.insert("NAME".to_owned(), name.to_json());
    let description = Localized::read("the description", &annotation.description, |fault| report.method(fault));
    if !description.is_empty() {
        definition.insert("DESCRIPTION".to_owned(), description.to_json());
    }
    match wait {
        Wait::Always => drop(definition.insert("USE_SUBSCRIPTION".to_owned(), "Y".into())),
        Wait::Never => drop(definition.insert("USE_SUBSCRIPTION".to_owned(), "N".into())),
        Wait::Designer => {}
    }
    let all = |properties: &[Property], way| -> Map<String, Json> {
        properties
            .iter()
            .map(|property| (property.key.clone(), property.to_json(way)))
            .collect()
    };
    let properties = all(inputs, Direction::In);
    let mut returned = all(outputs, Direction::Out);
    if let Some(error) = error {
        let text = |en: &str, ru: &str| json!({"Name": {"en": en, "ru": ru}, "Type": "string", "Multiple": "N"});
        returned.insert(error.code_key.clone(), text("Error code", "Код ошибки"));
        returned.insert(error.message_key.clone(), text("Error message", "Сообщение об ошибке"));
    }
    for (parameter, properties) in [("PROPERTIES", properties), ("RETURN_PROPERTIES", returned)] {
        if !properties.is_empty() {
            definition.insert(parameter.to_owned(), Json::Object(properties));
        }
    }
    if let Some(document_type) = &annotation.document_type {
        match document::document_type(document_type) {
            Ok(value) => drop(definition.insert("DOCUMENT_TYPE".to_owned(), value)),
            Err(fault) => report.method(fault),
        }
    }
    match annotation.filter.as_ref().map(document::filter).transpose() {
        Ok(filter) => {
            if let Some(filter) = filter.flatten() {
                definition.insert("FILTER".to_owned(), filter);
            }
        }
        Err(faults) => faults.into_iter().for_each(|fault| report.method(fault)),
    }
    definition
}
