use crate::form::FormError;

/// Why a body can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// No fields at all; probes look like this.
    #[error("the body is empty: a portal posts a form")]
    Empty,
    /// The form passes a limit.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A form, but not one that a portal sends to an application's handler.
    #[error(
        "the form is no activity callback, no event and no page opening: none of event_token, event, AUTH_ID is in it"
    )]
    Foreign,
    /// What a portal sends to a provider of messages (`messageservice.sender.add`).
    #[error(
        "this is a message for an SMS provider to send, not an activity callback: give the provider's HANDLER in messageservice.sender.add an address of its own"
    )]
    Message,
    /// The shape is clear, but a field that nothing works without is missing, empty or not a text.
    #[error("the field {field} is missing, empty or not a text")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A field that decides where the body belongs isn't UTF-8.
    #[error("the field {field} is not UTF-8")]
    BadUtf8 {
        /// The field's name.
        field: &'static str,
    },
}

impl PostError {
    /// Whether the body was too large, rather than wrong.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Form(FormError::TooLarge { .. }))
    }
}
