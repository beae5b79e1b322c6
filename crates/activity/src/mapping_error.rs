use std::{error::Error, fmt};

/// A value that can't be carried between a callback and a message.
///
/// Its text names the property and shows the value unless the property is sensitive, so it may be logged and sent to the
/// workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingError {
    property: String,
    reason: String,
}

impl MappingError {
    pub(crate) fn new(property: &str, reason: impl Into<String>) -> Self {
        Self {
            property: property.to_owned(),
            reason: reason.into(),
        }
    }

    /// Key of the property; empty when the error is of the message as a whole.
    pub fn property(&self) -> &str {
        &self.property
    }

    /// What is wrong, without the property's key.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.property.is_empty() {
            return f.write_str(&self.reason);
        }
        write!(f, "property {}: {}", self.property, self.reason)
    }
}

impl Error for MappingError {}
