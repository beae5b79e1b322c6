use super::{Callback, Event, Frame};
use crate::form::{self, Array, FormError, Limits};

/// One body that a portal posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Post {
    /// A workflow has reached an activity.
    Callback(Callback),
    /// A lifecycle or other event.
    Event(Event),
    /// A user opens the application.
    Frame(Frame),
}

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

/// Reads a body (and, for frame POSTs, the URL's query) by its shape.
///
/// A property that isn't UTF-8 is no error here: it concerns the activity, not the way to it.
///
/// # Errors
///
/// [`PostError`]: all but a too large form are the sender's fault for good.
pub fn classify(body: &[u8], query: Option<&str>, limits: &Limits) -> Result<Post, PostError> {
    let form = form::decode(body, limits)?;
    let has = |name| form.get(name).is_some();
    if form.is_empty() {
        Err(PostError::Empty)
    } else if has("event_token") || (has("code") && (has("workflow_id") || has("properties"))) {
        Callback::of_form(form).map(Post::Callback)
    } else if has("event") {
        Event::of_form(form).map(Post::Event)
    } else if has("AUTH_ID") {
        let query = query.map_or(Ok(Array::default()), |query| form::decode(query.as_bytes(), limits))?;
        Frame::of_form(&form, &query).map(Post::Frame)
    } else {
        Err(PostError::Foreign)
    }
}
