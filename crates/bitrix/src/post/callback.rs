use super::{Auth, EventToken, PostError, field};
use crate::form::{Array, Value};

/// A workflow has reached an activity of ours and (usually) waits for `bizproc.event.send`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The workflow's id: 14 hex digits of time, a dot, 8 digits.
    pub workflow_id: String,
    /// The activity's or robot's code.
    pub code: String,
    /// Module, entity and id of the document, such as `crm`, `CCrmDocumentDeal`, `DEAL_77`. Forms of 2015 have none.
    pub document_id: Option<[String; 3]>,
    /// Module, entity and type of the document. Forms of 2015 have none.
    pub document_type: Option<[String; 3]>,
    /// What completes the step.
    pub event_token: EventToken,
    /// The step's property values; empty when the portal sent none.
    pub properties: Array,
    /// `Y`: the workflow waits. Anything else: it doesn't. Missing: a form of 2015, or registered without it.
    pub use_subscription: Option<String>,
    /// How long the workflow waits, in seconds; 0 means for ever.
    pub timeout_duration: Option<u64>,
    /// When the portal sent this, in seconds since 1970.
    pub ts: Option<i64>,
    /// The portal and its tokens.
    pub auth: Auth,
}

impl Callback {
    pub(super) fn of_form(mut form: Array) -> Result<Self, PostError> {
        Ok(Self {
            event_token: EventToken::new(field::required(&form, "event_token")?),
            workflow_id: field::required(&form, "workflow_id")?,
            code: field::required(&form, "code")?,
            document_id: field::triple(&form, "document_id")?,
            document_type: field::triple(&form, "document_type")?,
            use_subscription: field::text(&form, "use_subscription")?,
            timeout_duration: field::number(&form, "timeout_duration"),
            ts: field::number(&form, "ts"),
            auth: Auth::of_form(&form)?,
            properties: match form.take("properties") {
                Some(Value::Array(properties)) => properties,
                _ => Array::default(),
            },
        })
    }
}
