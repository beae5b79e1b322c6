use super::{Auth, PostError, field};
use crate::form::{Array, Value};

/// A lifecycle or other event that was bound by `event.bind` or by the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's name in upper case, such as `ONAPPINSTALL`.
    pub event: String,
    /// The event's data, as sent; `ONAPPUNINSTALL` has `CLEAN`, `ONAPPINSTALL` has `VERSION`.
    pub data: Array,
    /// When the portal sent this, in seconds since 1970.
    pub ts: Option<i64>,
    /// The portal and its tokens; `ONAPPUNINSTALL` has no user tokens.
    pub auth: Auth,
    /// The handler's number on the portal; old portals send none.
    pub event_handler_id: Option<String>,
}

impl Event {
    /// Whether it tells of the app's own installation. The app's other code may have bound any event (CRM, bots) to the same
    /// URL, and newer portals send ONAPPUSERREADY unasked.
    pub fn is_of_installation(&self) -> bool {
        matches!(self.event.as_str(), "ONAPPINSTALL" | "ONAPPUNINSTALL" | "ONAPPUPDATE")
    }

    pub(super) fn of_form(mut form: Array) -> Result<Self, PostError> {
        Ok(Self {
            event: field::required(&form, "event")?.to_uppercase(),
            ts: field::number(&form, "ts"),
            auth: Auth::of_form(&form)?,
            event_handler_id: field::filled(&form, "event_handler_id")?,
            data: match form.take("data") {
                Some(Value::Array(data)) => data,
                _ => Array::default(),
            },
        })
    }
}
