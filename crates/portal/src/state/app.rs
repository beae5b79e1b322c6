//! An installed application, as the portal's table has it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One row of installed apps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "columns of a table")]
pub struct AppRow {
    /// Row number.
    pub id: u64,
    /// Application's id at the authorisation server.
    pub client_id: String,
    /// Its secret, shared by portal, authorisation server and developer.
    pub client_secret: String,
    /// Market code, also the name of last resort.
    pub code: String,
    /// Name in the portal's language, if any.
    pub name: Option<String>,
    /// Language → menu name.
    pub menu_names: Map<String, Value>,
    /// Version.
    pub version: u64,
    /// Rights.
    pub scope: Vec<String>,
    /// `L` local, `F` free, `D` demo, `T` trial, `P` paid, `S` subscription.
    pub status: String,
    /// Inactive apps cannot be called for.
    pub active: bool,
    /// False until `installFinish` of an app with UI.
    pub installed: bool,
    /// App without UI: installed by an event instead of a frame.
    pub api_only: bool,
    /// Main page (app with UI).
    pub url: String,
    /// First page or install event's handler.
    pub install_url: String,
    /// Where `/oauth/authorize/` returns to.
    pub redirect_uri: String,
    /// Shared secret of app and portal.
    pub application_token: String,
    /// The user who installed it.
    pub installed_by: u64,
    /// Paid period is over.
    pub payment_expired: bool,
}

impl Default for AppRow {
    fn default() -> Self {
        Self {
            id: 1,
            client_id: String::new(),
            client_secret: String::new(),
            code: String::new(),
            name: None,
            menu_names: Map::new(),
            version: 1,
            scope: vec!["bizproc".into(), "user".into()],
            status: "L".into(),
            active: true,
            installed: true,
            api_only: false,
            url: String::new(),
            install_url: String::new(),
            redirect_uri: String::new(),
            application_token: String::new(),
            installed_by: 1,
            payment_expired: false,
        }
    }
}
