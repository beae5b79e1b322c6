use prost_reflect::{FieldDescriptor, MethodDescriptor};

use crate::Problem;

/// Collects the problems of one method.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    method: &'a MethodDescriptor,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(method: &'a MethodDescriptor, problems: &'a mut Vec<Problem>) -> Self {
        Self { method, problems }
    }

    /// A problem of the method.
    pub(crate) fn method(&mut self, text: impl Into<String>) {
        let file = self.method.parent_file().name().to_owned();
        self.add(file, String::new(), text.into());
    }

    /// A problem of a field of its request or response.
    pub(crate) fn field(&mut self, field: &FieldDescriptor, text: impl Into<String>) {
        self.add(
            field.parent_file().name().to_owned(),
            field.full_name().to_owned(),
            text.into(),
        );
    }

    fn add(&mut self, file: String, field: String, text: String) {
        self.problems.push(Problem {
            file,
            method: self.method.full_name().to_owned(),
            field,
            text,
        });
    }
}
