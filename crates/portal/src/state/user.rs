//! Users.

use serde::{Deserialize, Serialize};

/// A user of the portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// Administrator.
    pub admin: bool,
    /// False = fired: their tokens give `authorization_error`.
    pub active: bool,
    /// First name.
    pub name: String,
    /// Last name.
    pub last_name: String,
    /// Name of the user's zone, empty = the portal's.
    pub time_zone: String,
    /// Offset of that zone to the server's, seconds.
    pub zone_offset: i32,
}

impl Default for User {
    fn default() -> Self {
        Self {
            admin: false,
            active: true,
            name: "User".into(),
            last_name: String::new(),
            time_zone: String::new(),
            zone_offset: 0,
        }
    }
}
