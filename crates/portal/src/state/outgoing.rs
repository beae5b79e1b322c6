//! Posts on their way to handlers.

use serde::Serialize;
use serde_json::{Map, Value};

/// One item for the relay.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// App it is for.
    pub client_id: String,
    /// Where it goes: the handler, verbatim.
    pub url: String,
    /// Whose tokens are added; `None` sends none.
    pub user: Option<u64>,
    /// The body without `auth`.
    pub data: Map<String, Value>,
    /// `application_token`: taken when the item was queued, as the app may be gone when it leaves.
    pub application_token: String,
    /// What it is.
    pub post: Post,
}

/// Kinds of posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Post {
    /// A step calls its app.
    Activity {
        /// Workflow id.
        workflow: String,
        /// Activity name.
        name: String,
    },
    /// An event.
    Event(String),
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivered {
    /// A status of 200 to 299.
    Acknowledged,
    /// Another status.
    Refused,
    /// No answer.
    Failed,
}
