use super::{Callback, Event, Frame, PostError};
use crate::form::{self, Array, Limits};

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
    } else if has("message_to") && !has("event_token") {
        Err(PostError::Message)
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
