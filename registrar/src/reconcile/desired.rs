//! What a portal should hold of one activity.

use activity::{Activity, Kind};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::storage::ParametersDigest;

/// An activity or robot as a portal should hold it.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    /// Activity or robot.
    pub(crate) kind: Kind,
    /// Code.
    pub(crate) code: String,
    /// Name in English, for people.
    pub(crate) name: String,
    /// Revision of its set.
    pub(crate) revision: String,
    /// Of all parameters, `HANDLER` and `AUTH_USER_ID` included.
    pub(crate) digest: ParametersDigest,
    parameters: Map<String, Value>,
    fields: Map<String, Value>,
}

impl Desired {
    /// The activity with this handler, running as this user.
    pub(crate) fn new(activity: &Activity, revision: &str, handler: &str, user_id: i64) -> Self {
        let on_portal = |mut map: Map<String, Value>| {
            map.insert("HANDLER".into(), json!(handler));
            map.insert("AUTH_USER_ID".into(), json!(user_id));
            map
        };
        let parameters = on_portal(activity.parameters());
        Self {
            kind: activity.kind(),
            code: activity.code().into(),
            name: english_name(&parameters),
            revision: revision.into(),
            digest: digest(&parameters),
            fields: on_portal(activity.update_fields()),
            parameters,
        }
    }

    /// Parameters of `add`.
    pub(crate) fn add(&self) -> Value {
        Value::Object(self.parameters.clone())
    }

    /// Parameters of `update`.
    pub(crate) fn update(&self) -> Value {
        json!({ "CODE": self.code, "FIELDS": self.fields })
    }

    #[cfg(test)]
    pub(super) fn for_test(kind: Kind, code: &str, name: &str) -> Self {
        let parameters = Map::from_iter([("CODE".to_owned(), json!(code)), ("NAME".to_owned(), json!(name))]);
        Self {
            kind,
            code: code.into(),
            name: name.into(),
            revision: "0123456789abcdef".into(),
            digest: digest(&parameters),
            fields: Map::new(),
            parameters,
        }
    }
}

/// The keys keep their order, so equal parameters have equal digests.
fn digest(parameters: &Map<String, Value>) -> ParametersDigest {
    Sha256::digest(Value::Object(parameters.clone()).to_string()).into()
}

/// The portal's own look-up order ends with English.
fn english_name(parameters: &Map<String, Value>) -> String {
    let name = parameters.get("NAME");
    let text = name.and_then(|name| name.get("en")).or(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}
