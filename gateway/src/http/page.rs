//! The app's page: what is registered, in words.

use std::fmt::{self, Write};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use data_encoding::BASE64URL_NOPAD;
use proto::registrar::v1::{InstallResponse, InstallationState, Step};

/// The page outside a portal.
pub(super) async fn outside() -> Response {
    respond(StatusCode::OK, "", None, |page| {
        page.push_str("<h1>Open this page in Bitrix24</h1>\n");
        page.push_str(
            "<p>It shows the app's activities. Bitrix24 opens it in a frame, from the list of applications.</p>\n",
        );
    })
}

/// The page after an installation or an opening.
pub(super) fn installed(app: &str, portal: &str, response: &InstallResponse) -> Response {
    let script = response.finish.then_some(FINISH);
    let status = if response.proved {
        StatusCode::OK
    } else {
        StatusCode::FORBIDDEN
    };
    respond(status, portal, script, |page| {
        let title = match (response.proved, response.administrator) {
            (false, _) => "Bitrix24 does not confirm who opens this page",
            (true, false) => "Activities of this app",
            (true, true) if !response.problem.is_empty() => "Not everything is set up",
            (true, true) => "The app is set up",
        };
        let _infallible = writeln!(page, "<h1>{title}</h1>\n<p class=\"app\">{}</p>", Escaped(app));
        if response.proved && !response.administrator {
            page.push_str("<p>Nothing was changed: only an administrator of the portal can set up the app.</p>\n");
        }
        if let Some(state) = state(response.state()) {
            let _infallible = writeln!(page, "<p>{state}</p>");
        }
        if !response.problem.is_empty() {
            let _infallible = writeln!(
                page,
                "<p class=\"problem\" role=\"alert\">{}</p>",
                Escaped(&response.problem)
            );
        }
        activities(page, response);
    })
}

/// The page when the registrar can't be asked.
pub(super) fn failed(app: &str, portal: &str, problem: &str) -> Response {
    respond(StatusCode::SERVICE_UNAVAILABLE, portal, None, |page| {
        let _infallible = writeln!(
            page,
            "<h1>Try again in a minute</h1>\n<p class=\"app\">{}</p>\n<p class=\"problem\" role=\"alert\">The app's \
             registrar can't be reached: {}</p>",
            Escaped(app),
            Escaped(problem)
        );
    })
}

/// Tells the portal that the installation is complete; the portal then reloads the frame.
const FINISH: &str = "BX24.init(function () { BX24.installFinish(); });";

fn state(state: InstallationState) -> Option<&'static str> {
    match state {
        InstallationState::Unspecified | InstallationState::Active => None,
        InstallationState::Incomplete => {
            Some("The installation is complete once an administrator has opened this page.")
        }
        InstallationState::NoBizproc => {
            Some("The portal's plan has no business processes: activities can't be registered.")
        }
        InstallationState::TokenRevoked => {
            Some("The app's access was revoked: an administrator has to open this page.")
        }
        InstallationState::Temporary => Some("The app answers for an hour at most: an administrator must open it."),
        InstallationState::PortalGone => Some("The portal was deleted."),
        InstallationState::Uninstalled => Some("The app is not installed on this portal."),
    }
}

fn activities(page: &mut String, response: &InstallResponse) {
    if response.activities.is_empty() {
        page.push_str("<p>No activities are registered.</p>\n");
        return;
    }
    page.push_str("<table>\n<thead><tr><th>Code<th>Name<th>Kind<th>On the portal</tr></thead>\n<tbody>\n");
    for activity in &response.activities {
        let kind = if activity.robot { "robot" } else { "activity" };
        let step = match activity.step() {
            // Others look at what the last pass did.
            _ if !response.administrator => "",
            Step::Add => ", added now",
            Step::Update => ", updated now",
            Step::Keep | Step::Unspecified => "",
        };
        let observed = if activity.observed { "registered" } else { "missing" };
        let _infallible = write!(
            page,
            "<tr><td><code>{}</code><td>{}<td>{kind}<td>{observed}{step}",
            Escaped(&activity.code),
            Escaped(&activity.name)
        );
        if !activity.problem.is_empty() {
            let _infallible = write!(
                page,
                "<br><span class=\"problem\">{}</span>",
                Escaped(&activity.problem)
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

fn respond(status: StatusCode, portal: &str, script: Option<&str>, body: impl FnOnce(&mut String)) -> Response {
    let nonce = nonce();
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>Business process activities</title>\n<style nonce=\"{nonce}\">{STYLE}</style>\n\
         <script nonce=\"{nonce}\" src=\"//api.bitrix24.com/api/v1/\"></script>\n</head>\n<body>\n<main>\n"
    );
    body(&mut page);
    page.push_str("</main>\n");
    if let Some(script) = script {
        let _infallible = writeln!(page, "<script nonce=\"{nonce}\">{script}</script>");
    }
    page.push_str("</body>\n</html>\n");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' https://api.bitrix24.com; style-src 'nonce-{nonce}'; \
         connect-src https:; base-uri 'none'; form-action 'none'; frame-ancestors {}",
        ancestors(portal)
    );
    let mut response = (status, Html(page)).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Who may show the page in a frame: the portal that opened it, if it says a host, else anybody who serves over TLS. The
/// page holds no secret and takes no input.
fn ancestors(portal: &str) -> String {
    let host = portal.rsplit_once(':').map_or(
        portal,
        |(host, port)| if port.parse::<u16>().is_ok() { host } else { "" },
    );
    let plain = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if plain {
        format!("https://{portal} http://{portal}")
    } else {
        "https:".to_owned()
    }
}

fn nonce() -> String {
    let mut bytes = [0; 16];
    // Without random bytes the page's scripts would be blocked, and nothing else.
    let _blocked = getrandom::fill(&mut bytes);
    BASE64URL_NOPAD.encode(&bytes)
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#333;margin:2rem}main{max-width:46rem}h1{font-size:1.4rem}\
.app{color:#777}.problem{color:#a11}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .8rem;\
border-bottom:1px solid #ddd;vertical-align:top}";

/// A text in HTML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
