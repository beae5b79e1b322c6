//! Which handler URLs a portal accepts.

/// Stored in a column of this many characters.
const LONGEST: usize = 1000;

/// Why a portal refuses a handler URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// The portal's `ERROR_WRONG_HANDLER_URL`.
    #[error("the URL has no host with a dot in it (localhost and [::1] don't work): portals refuse it as a handler")]
    WrongUrl,
    /// The portal's `ERROR_UNSUPPORTED_PROTOCOL`.
    #[error("the URL doesn't begin with http:// or https:// in lower case: portals refuse it as a handler")]
    UnsupportedProtocol,
    /// The portal's `Activity save error!`.
    #[error("the URL has more than {LONGEST} characters: portals can't store it as a handler")]
    TooLong,
}

/// Checks a handler URL as the portal does: `parse_url` must find a host with a dot that isn't its first character,
/// then the scheme must be exactly `http` or `https` (the server's `handlerhelper.php`).
///
/// # Errors
///
/// What the portal would answer, in its order.
pub fn check(url: &str) -> Result<(), HandlerError> {
    let (scheme, host) = scheme_and_host(url);
    if host.and_then(|host| host.find('.')).is_none_or(|at| at == 0) {
        return Err(HandlerError::WrongUrl);
    }
    if !matches!(scheme, Some("http" | "https")) {
        return Err(HandlerError::UnsupportedProtocol);
    }
    if url.chars().count() > LONGEST {
        return Err(HandlerError::TooLong);
    }
    Ok(())
}

/// Scheme and host as PHP's `parse_url` finds them.
fn scheme_and_host(url: &str) -> (Option<&str>, Option<&str>) {
    let is_scheme = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let after_slashes = url.strip_prefix("//");
    let (scheme, authority) = match url.split_once(':') {
        Some((scheme, rest)) if !scheme.is_empty() && is_scheme(scheme) => match rest.strip_prefix("//") {
            Some(authority) => (Some(scheme), Some(authority)),
            // `a.com:80/x` is a host with a port, `mailto:x` is a scheme with a path.
            None if is_port_and_path(rest) => (None, Some(url)),
            None => (Some(scheme), None),
        },
        Some((before, rest)) if is_port_and_path(rest) && !before.contains(['?', '#']) => {
            (None, is_port(rest).then_some(after_slashes.unwrap_or(url)))
        }
        _ => (None, after_slashes),
    };
    (scheme, authority.and_then(host))
}

fn is_port_and_path(rest: &str) -> bool {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (1..=5).contains(&digits) && matches!(rest.as_bytes().get(digits), None | Some(b'/'))
}

/// The host of what stands between `//` and the path; `None` when it is empty or the port is no port.
fn host(authority: &str) -> Option<&str> {
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host_and_port.rsplit_once(':') {
        Some(_) if host_and_port.starts_with('[') && host_and_port.ends_with(']') => host_and_port,
        Some((host, port)) if port.is_empty() || (port.len() <= 5 && is_port(port)) => host,
        Some(_) => return None,
        None => host_and_port,
    };
    (!host.is_empty()).then_some(host)
}

/// PHP reads the digits in front and ignores the rest.
fn is_port(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..digits].parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests;
