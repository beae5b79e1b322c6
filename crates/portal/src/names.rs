//! Names by which apps reach the emulator.

/// Where the vendor's authorisation server is, by the portal's region.
pub(crate) const OAUTH_HOSTS: [&str; 2] = ["oauth.bitrix.info", "oauth.bitrix24.tech"];

/// A host as a URL's origin.
pub(crate) fn origin(https: bool, host: &str) -> String {
    format!("http{}://{host}", if https { "s" } else { "" })
}

/// A name for a portal that was given none; `.test` never resolves.
pub(crate) fn domain(portal: &str) -> String {
    let label: String = portal
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() {
                char.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    format!("{label}.bitrix24.test")
}
