//! The app's page: what is registered, in words. Its text is in `templates/page.html`.

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use data_encoding::BASE64URL_NOPAD;
use proto::registrar::v1::{InstallResponse, InstallationState, RegisteredActivity, Step};

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    nonce: &'a str,
    content: Content<'a>,
}

enum Content<'a> {
    Outside,
    Opened {
        app: &'a str,
        response: &'a InstallResponse,
    },
    Failed {
        app: &'a str,
        problem: &'a str,
    },
}

impl Content<'_> {
    /// Whether the portal is told that the installation is complete; it then reloads the frame.
    fn finishes(&self) -> bool {
        matches!(self, Self::Opened { response, .. } if response.finish)
    }
}

/// The page outside a portal.
pub(super) async fn outside() -> Response {
    respond(StatusCode::OK, "", Content::Outside)
}

/// The page after an installation or an opening.
pub(super) fn installed(app: &str, portal: &str, response: &InstallResponse) -> Response {
    let status = if response.proved {
        StatusCode::OK
    } else {
        StatusCode::FORBIDDEN
    };
    respond(status, portal, Content::Opened { app, response })
}

/// The page when the registrar can't be asked.
pub(super) fn failed(app: &str, portal: &str, problem: &str) -> Response {
    respond(
        StatusCode::SERVICE_UNAVAILABLE,
        portal,
        Content::Failed { app, problem },
    )
}

fn title(response: &InstallResponse) -> &'static str {
    match (response.proved, response.administrator) {
        (false, _) => "Bitrix24 does not confirm who opens this page",
        (true, false) => "Activities of this app",
        (true, true) if !response.problem.is_empty() => "Not everything is set up",
        (true, true) => "The app is set up",
    }
}

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

/// What the last pass did; it is for those who set the app up.
fn step(response: &InstallResponse, activity: &RegisteredActivity) -> &'static str {
    match activity.step() {
        _ if !response.administrator => "",
        Step::Add => ", added now",
        Step::Update => ", updated now",
        Step::Keep | Step::Unspecified => "",
    }
}

fn respond(status: StatusCode, portal: &str, content: Content<'_>) -> Response {
    let nonce = &nonce();
    let page = match (Page { nonce, content }).render() {
        Ok(page) => page,
        Err(error) => {
            tracing::error!(%error, "the app's page could not be made");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
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
