//! `parse_url()` of PHP 8.2, which is no RFC parser: it takes almost anything, and its odd answers decide which handler URLs and batch
//! commands pass.

/// Parts of a URL; `None` = absent, which differs from empty. User, password and fragment are of no use here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// Before the first `:`, case kept.
    pub scheme: Option<String>,
    /// Without user, password and port; may be in brackets.
    pub host: Option<String>,
    /// 0 to 65535.
    pub port: Option<u16>,
    /// From the first slash on, or all of a relative URL.
    pub path: Option<String>,
    /// Between `?` and `#`.
    pub query: Option<String>,
}

/// Where parsing goes on after the scheme.
enum Next {
    Authority(usize),
    Path(usize),
}

/// `parse_url()`; `None` where PHP says false.
pub fn parse(url: &str) -> Option<Url> {
    let mut parts = Url::default();
    let start = match scheme(url, &mut parts)? {
        Next::Path(start) => start,
        Next::Authority(start) => match authority(url, start, &mut parts)? {
            end if end == url.len() => return Some(parts),
            end => end,
        },
    };
    path(url, start, &mut parts);
    Some(parts)
}

/// Reads what stands before the host: a scheme, a port of a URL without scheme (`a.b:80/x`), or two slashes.
fn scheme(url: &str, parts: &mut Url) -> Option<Next> {
    let slashes = url.starts_with("//") && url.len() > 1;
    let without_colon = if slashes { Next::Authority(2) } else { Next::Path(0) };
    let Some(colon) = url.find(':') else {
        return Some(without_colon);
    };
    if colon == 0 {
        return early_port(url, colon, slashes, parts);
    }
    let (name, rest) = (&url[..colon], &url[colon + 1..]);
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
    {
        let before_query = url.find(['?', '#']).is_none_or(|mark| colon < mark);
        return if !rest.is_empty() && before_query {
            early_port(url, colon, slashes, parts)
        } else {
            Some(without_colon)
        };
    }
    if rest.is_empty() {
        parts.scheme = Some(name.to_owned());
        // Only a scheme: PHP stops here, without an empty path.
        return Some(Next::Path(usize::MAX));
    }
    if !rest.starts_with('/') {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count().min(6);
        if digits < 6 && (digits == rest.len() || rest.as_bytes()[digits] == b'/') {
            return early_port(url, colon, slashes, parts);
        }
        parts.scheme = Some(name.to_owned());
        return Some(Next::Path(colon + 1));
    }
    parts.scheme = Some(name.to_owned());
    let bytes = url.as_bytes();
    if bytes.get(colon + 2) != Some(&b'/') {
        return Some(Next::Path(colon + 1));
    }
    if name.eq_ignore_ascii_case("file") && bytes.get(colon + 3) == Some(&b'/') {
        let drive = bytes.get(colon + 5) == Some(&b':');
        return Some(Next::Path(colon + 3 + usize::from(drive)));
    }
    Some(Next::Authority(colon + 3))
}

/// `host:port` without a scheme.
fn early_port(url: &str, colon: usize, slashes: bool, parts: &mut Url) -> Option<Next> {
    let after = if slashes { 2 } else { 0 };
    let rest = &url[colon + 1..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count().min(6);
    if (1..6).contains(&digits) && (digits == rest.len() || rest.as_bytes()[digits] == b'/') {
        parts.port = Some(rest[..digits].parse().ok()?);
        return Some(Next::Authority(after));
    }
    if rest.is_empty() {
        return None;
    }
    Some(if slashes { Next::Authority(after) } else { Next::Path(0) })
}

/// Reads user, host and port; gives where they end.
fn authority(url: &str, start: usize, parts: &mut Url) -> Option<usize> {
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |offset| start + offset);
    let host = &url[start..end];
    let host = host.rfind('@').map_or(host, |at| &host[at + 1..]);
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let host = match host.rfind(':').filter(|_| !bracketed) {
        None => host,
        Some(colon) => {
            if parts.port.unwrap_or(0) == 0 {
                parts.port = late_port(&host[colon + 1..]).ok()?.or(parts.port);
            }
            &host[..colon]
        }
    };
    if host.is_empty() {
        return None;
    }
    parts.host = Some(clean(host));
    Some(end)
}

/// A text after the host's colon that is no port: the URL is rejected.
struct NoPort;

/// A port after the host; nothing after the colon is no port, and fine.
fn late_port(text: &str) -> Result<Option<u16>, NoPort> {
    if text.len() > 5 {
        return Err(NoPort);
    }
    if text.is_empty() {
        return Ok(None);
    }
    // strtol: white space and a sign before, anything after.
    let number = text.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let (negative, digits) = match number.as_bytes().first() {
        Some(b'-') => (true, &number[1..]),
        Some(b'+') => (false, &number[1..]),
        _ => (false, number),
    };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let port: u16 = digits[..length].parse().map_err(|_| NoPort)?;
    if negative && port > 0 {
        Err(NoPort)
    } else {
        Ok(Some(port))
    }
}

fn path(url: &str, start: usize, parts: &mut Url) {
    if start == usize::MAX {
        return;
    }
    let rest = &url[start..];
    let (without_fragment, fragment) = rest.split_once('#').map_or((rest, false), |(before, _)| (before, true));
    let (path, query) = without_fragment
        .split_once('?')
        .map_or((without_fragment, None), |(path, query)| (path, Some(query)));
    parts.query = query.map(clean);
    if !path.is_empty() || (query.is_none() && !fragment) {
        parts.path = Some(clean(path));
    }
}

/// Control characters become `_`.
fn clean(part: &str) -> String {
    part.chars()
        .map(|c| if c.is_ascii_control() { '_' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(scheme: &str, host: &str, port: u16, path: &str, query: Option<&str>) -> Url {
        let unless_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Url {
            scheme: unless_empty(scheme),
            host: unless_empty(host),
            port: (port > 0).then_some(port),
            path: unless_empty(path),
            query: query.map(str::to_owned),
        }
    }

    #[test]
    fn odd_urls_split_as_in_php() {
        for (text, expected) in [
            ("https://u:p@a.b:99/x?y=1#z", url("https", "a.b", 99, "/x", Some("y=1"))),
            ("a.b:80/x", url("", "a.b", 80, "/x", None)),
            ("oracle.echo:80?a=1", url("oracle.echo", "", 0, "80", Some("a=1"))),
            ("m?t=10:30", url("", "", 0, "m", Some("t=10:30"))),
            ("//a.b/x", url("", "a.b", 0, "/x", None)),
            ("mailto:x@a.b", url("mailto", "", 0, "x@a.b", None)),
            ("https://a.b:/x", url("https", "a.b", 0, "/x", None)),
            ("https://a.b\n/x", url("https", "a.b_", 0, "/x", None)),
            ("?a=1", url("", "", 0, "", Some("a=1"))),
            ("m?", url("", "", 0, "m", Some(""))),
            ("http:", url("http", "", 0, "", None)),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_bad_port_or_no_host_is_no_url() {
        for bad in [
            "https:///x",
            "https://a.b:abc/x",
            "https://a.b:65536/x",
            "https://a.b:123456/",
            "http://",
            ":",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
