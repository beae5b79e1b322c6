//! Frame POSTs: the app's page, opened in a portal by a browser.

use axum::response::Response;
use bitrix::post::Frame;
use proto::registrar::v1::InstallRequest;
use service::telemetry::{KeyValue, SpanKind};

use super::{arrival::Arrival, gate::Gate, page};
use crate::{
    auth,
    registrar::{INSTALL, ended},
    routes, trace,
};

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
        source: arrival.source.clone(),
    };
    gate.shared.counts.post("frame");
    let telemetry = &gate.shared.telemetry;
    let route = routes::of(arrival.path);
    let mut post = telemetry.span(trace::name(route), SpanKind::Server, None);
    let mut call = telemetry.span(INSTALL, SpanKind::Client, Some(post.context()));
    let installed = gate.shared.registrar.install(request, call.context()).await;
    if call.is_recording() {
        let attributes = gate.shared.registrar.attributes(INSTALL);
        attributes
            .into_iter()
            .chain(ended(&installed))
            .for_each(|attribute| call.set(attribute));
    }
    if let Err(status) = &installed {
        call.fail(status.message().to_owned());
    }
    drop(call);
    let portal = frame.domain.as_deref().unwrap_or_default();
    let response = match installed {
        Ok(response) => page::installed(arrival.app, portal, &response),
        Err(status) => {
            tracing::warn!(
                app = arrival.app,
                trace_id = %post.context().trace_id(),
                error = status.message(),
                "the page could not be made"
            );
            page::failed(arrival.app, portal, status.message())
        }
    };
    for attribute in [
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("http.route", route),
        KeyValue::new("http.response.status_code", i64::from(response.status().as_u16())),
        KeyValue::new("url.path", arrival.path.to_owned()),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("bizproc.app", arrival.app.to_owned()),
    ] {
        post.set(attribute);
    }
    response
}
