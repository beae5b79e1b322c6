//! The stored rows: activities, robots and the placements of their settings dialogs.

use indexmap::IndexMap;
use serde_json::{Value, json};

/// One registered activity or robot, column by column. JSON columns hold what PHP would unserialize; `Null` = SQL null.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityRow {
    /// `client_id` of the app.
    pub app_id: String,
    /// Language → name of the app at registration.
    pub app_name: Value,
    /// `CODE` as given, case kept.
    pub code: String,
    /// `md5(client_id@CODE)`, unique over activities and robots.
    pub internal_code: String,
    /// Where the callback goes, verbatim.
    pub handler: String,
    /// The user whose token the callback carries; 0 = whoever runs the workflow.
    pub auth_user_id: i64,
    /// One character or empty; only `Y` waits.
    pub use_subscription: String,
    /// `Y` or `N`.
    pub use_placement: String,
    /// Language → name.
    pub name: Value,
    /// Language → description.
    pub description: Value,
    /// Property definitions.
    pub properties: Value,
    /// Definitions of returned values.
    pub return_properties: Value,
    /// Module, entity, type.
    pub document_type: Value,
    /// Where the designer offers it.
    pub filter: Value,
    /// Robot rather than activity.
    pub is_robot: bool,
}

impl ActivityRow {
    /// All columns by the names of the server's table.
    pub fn columns(&self) -> Value {
        json!({
            "APP_ID": self.app_id,
            "APP_NAME": self.app_name,
            "CODE": self.code,
            "INTERNAL_CODE": self.internal_code,
            "HANDLER": self.handler,
            "AUTH_USER_ID": self.auth_user_id,
            "USE_SUBSCRIPTION": self.use_subscription,
            "USE_PLACEMENT": self.use_placement,
            "NAME": self.name,
            "DESCRIPTION": self.description,
            "PROPERTIES": self.properties,
            "RETURN_PROPERTIES": self.return_properties,
            "DOCUMENT_TYPE": self.document_type,
            "FILTER": self.filter,
            "IS_ROBOT": if self.is_robot { "Y" } else { "N" },
        })
    }
}

/// A placement that an activity's settings dialog uses.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacementRow {
    /// `client_id` of the app.
    pub app_id: String,
    /// The app's row number: what the table really holds.
    pub app_row: u64,
    /// Name of the placement.
    pub placement: String,
    /// `CODE` of the activity; unique over all apps.
    pub additional: String,
    /// URL of the dialog, cut to the column's 255 characters.
    pub handler: String,
}

/// All rows of one portal.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// By `INTERNAL_CODE`, in order of insertion.
    pub activities: IndexMap<String, ActivityRow>,
    /// In order of insertion.
    pub placements: Vec<PlacementRow>,
}

/// `INTERNAL_CODE` of an app's activity or robot.
pub fn internal_code(client_id: &str, code: &str) -> String {
    use md5::{Digest, Md5};
    crate::random::to_hex(&Md5::digest(format!("{client_id}@{code}")))
}
