//! The addresses of the port for portals and browsers.

/// Where portals post callbacks.
pub(crate) const ACTIVITY: &str = "/bitrix/{app}/activity/{revision}";
/// Where portals post events.
pub(crate) const EVENT: &str = "/bitrix/{app}/event";
/// The app's page.
pub(crate) const PAGE: &str = "/bitrix/{app}/page";

/// The address that a path is of; one of the three, because nothing else is served.
pub(crate) fn of(path: &str) -> &'static str {
    let mut parts = path.split('/').skip(3);
    match parts.next() {
        Some("activity") => ACTIVITY,
        Some("page") => PAGE,
        _ => EVENT,
    }
}
