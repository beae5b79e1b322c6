//! Where a value comes from.

use config::Value;

/// Begins the origin of what came from a variable; its name follows.
pub(super) const ENVIRONMENT: &str = "environment variable ";

pub(super) fn from_environment(value: &Value) -> bool {
    value.origin().is_some_and(|origin| origin.starts_with(ENVIRONMENT))
}
