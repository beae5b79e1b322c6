//! How an activity behaves in a workflow, as its author annotated it.

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
