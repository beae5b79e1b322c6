//! What a REST method is called with and what it gives back: the types that the transport, the methods and the batch share.

use serde_json::{Map, Value};

use crate::{php::json::output, state::Account};

/// Parameters of a call, in the order they came: PHP's arrays are ordered, and several checks depend on it.
pub type Params = Map<String, Value>;

/// Outcome of one method.
pub type Outcome = Result<Reply, Failure>;

/// Who calls, and the background jobs that the calls of this one HTTP request have queued so far.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The app whose token authorises the call; `None` for an incoming webhook ("no application context").
    pub client_id: Option<String>,
    /// The user the token belongs to.
    pub user_id: u64,
    /// Whether that user is an administrator.
    pub admin: bool,
    /// Scopes of the token; `None` = all (an owner's own test context).
    pub scope: Option<Vec<String>>,
    /// The calling user's offset to the server's zone, seconds. Date filters and returned dates are shifted by it.
    pub user_zone_offset: i32,
    /// How long the app's calls of the method have worked, if an account is kept.
    pub operating: Option<Account>,
    /// Jobs that run after the response has been built: answers to waiting steps.
    pub jobs: Vec<Job>,
}

/// A background job of one request: `bizproc.event.send` only queues it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The part of the event token before its signature, signature already checked.
    pub token: String,
    /// `RETURN_VALUES` as given.
    pub return_values: Value,
    /// `LOG_MESSAGE` as given.
    pub log_message: Value,
    /// The caller's offset to the server, seconds: returned dates are shifted by it.
    pub user_zone_offset: i32,
}

/// A successful result; `total` and `next` only for lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The `result` member.
    pub result: Value,
    /// Size of the whole list.
    pub total: Option<i64>,
    /// Offset of the next page; negative after a negative `start`.
    pub next: Option<i64>,
}

impl Reply {
    /// A plain result.
    pub fn new(result: impl Into<Value>) -> Self {
        Self {
            result: result.into(),
            total: None,
            next: None,
        }
    }

    /// The members of a single call's answer, without `time`.
    pub fn into_map(self) -> Map<String, Value> {
        let mut body = Map::from_iter([("result".to_owned(), self.result)]);
        body.extend(self.next.map(|next| ("next".to_owned(), next.into())));
        body.extend(self.total.map(|total| ("total".to_owned(), total.into())));
        body
    }
}

/// A refused call.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The server's own JSON error.
    Rest {
        /// HTTP status; a REST exception without its own is 400.
        status: u16,
        /// `error`: a code, `""`, or a number as text.
        code: String,
        /// `error_description`.
        description: String,
        /// More members (`argument`, …).
        extra: Map<String, Value>,
    },
    /// An uncaught PHP error (`TypeError`, …): HTTP 500 with a body that is not JSON.
    Php(String),
}

impl Failure {
    /// An error with a status of its own.
    pub fn new(status: u16, code: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Rest {
            status,
            code: code.into(),
            description: description.into(),
            extra: Map::new(),
        }
    }

    /// A REST exception without a status: HTTP 400.
    pub fn bad(code: impl Into<String>, description: impl Into<String>) -> Self {
        Self::new(400, code, description)
    }

    /// The server's `AccessException`: always 403.
    pub fn access_denied() -> Self {
        Self::new(403, "ACCESS_DENIED", "Access denied!")
    }

    /// The server's `AccessException` of methods that need an application's token.
    pub fn no_application() -> Self {
        Self::new(403, "ACCESS_DENIED", "Access denied! Application context required")
    }

    /// A method that does not exist, or not on this plan.
    pub fn method_not_found() -> Self {
        Self::new(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    }

    /// The members of a single call's answer; an uncaught PHP error has none and is given back.
    pub fn into_map(self) -> Result<Map<String, Value>, Self> {
        match self {
            Self::Rest {
                code,
                description,
                extra,
                ..
            } => Ok(error(code, description, extra)),
            Self::Php(_) => Err(self),
        }
    }
}

fn error(code: String, description: String, extra: Map<String, Value>) -> Map<String, Value> {
    let mut body = Map::from_iter([
        ("error".to_owned(), code.into()),
        ("error_description".to_owned(), description.into()),
    ]);
    body.extend(extra.into_iter().map(|(name, value)| (name, output(value))));
    body
}

/// What goes over the wire; the transport adds the `time` block to a JSON success.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Body,
}

/// A response's body.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// JSON, without its `time` block.
    Json(Value),
    /// Anything else: the text of a PHP error, a front end's HTML.
    Other {
        /// `Content-Type`.
        content_type: &'static str,
        /// The bytes.
        text: String,
    },
}

impl From<Outcome> for Response {
    fn from(outcome: Outcome) -> Self {
        let (status, members) = match outcome {
            Ok(reply) => (200, reply.into_map()),
            Err(Failure::Rest {
                status,
                code,
                description,
                extra,
            }) => (status, error(code, description, extra)),
            Err(Failure::Php(class)) => {
                return Self {
                    status: 500,
                    body: Body::Other {
                        content_type: "text/html; charset=UTF-8",
                        text: format!("<b>Fatal error</b>: Uncaught {class}"),
                    },
                };
            }
        };
        Self {
            status,
            body: Body::Json(Value::Object(members)),
        }
    }
}
