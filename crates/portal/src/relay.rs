//! The relay: what the portal has posted to an app's handler.

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

impl Outgoing {
    /// An item with tokens of `user`.
    pub fn new(client_id: &str, url: String, user: u64, data: Map<String, Value>, post: Post) -> Self {
        Self { client_id: client_id.to_owned(), url, user: Some(user), data, post }
    }
}
