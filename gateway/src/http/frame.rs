//! Frame POSTs: the app's page, opened in a portal by a browser.

use axum::response::Response;
use bitrix::post::Frame;
use proto::registrar::v1::InstallRequest;

use super::{page, receive::Arrival, router::Gate};
use crate::auth;

/// Installs, as far as the registrar believes it, and shows what came of it.
pub(super) async fn show(gate: &Gate, arrival: &Arrival<'_>, frame: Frame) -> Response {
    let mut auth = auth::wire(&frame.auth);
    if let Some(lifetime) = frame.auth.expires_in
        && auth.expires == 0
    {
        auth.expires = arrival
            .at
            .as_second()
            .saturating_add(i64::try_from(lifetime).unwrap_or(3600));
    }
    let request = InstallRequest {
        app: arrival.app.to_owned(),
        auth: Some(auth),
        language: frame.lang.clone().unwrap_or_default(),
        placement: frame.placement.clone().unwrap_or_default(),
    };
    gate.shared.counts.post("frame");
    let portal = frame.domain.as_deref().unwrap_or_default();
    match gate.shared.registrar.install(request).await {
        Ok(response) => page::installed(arrival.app, portal, &response),
        Err(status) => {
            tracing::warn!(
                app = arrival.app,
                error = status.message(),
                "the page could not be made"
            );
            page::failed(arrival.app, portal, status.message())
        }
    }
}
