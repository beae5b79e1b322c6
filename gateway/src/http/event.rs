//! Events: durable, then 200; handed to the registrar afterwards.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bitrix::post::Event;
use sha2::{Digest, Sha256};

use super::{accept::unstored, arrival::Arrival, gate::Gate, refusal::Refusal};
use crate::storage::NewEvent;

/// Takes an event.
pub(super) async fn accept(gate: &Gate, arrival: &Arrival<'_>, event: Event, body: &[u8]) -> Result<Response, Refusal> {
    if !event.is_of_installation() {
        // Not even stored: some carry tokens, and none is of use.
        gate.shared.counts.dropped("event_foreign");
        return Ok(StatusCode::OK.into_response());
    }
    let place = gate
        .quarantine
        .place(&arrival.source, body.len())
        .ok_or(Refusal::QuarantineFull)?;
    let digest: [u8; 32] = Sha256::new()
        .chain_update((arrival.app.len() as u64).to_be_bytes())
        .chain_update(arrival.app)
        .chain_update(body)
        .finalize()
        .into();
    let sealed = gate.shared.sealer.seal(&digest, body).map_err(|error| {
        tracing::error!(%error, "an event could not be sealed");
        Refusal::Store
    })?;
    tracing::info!(app = arrival.app, event = event.event, "event taken");
    let event = NewEvent {
        digest,
        app: arrival.app.to_owned(),
        event: event.event,
        sealed,
        received: arrival.at.into(),
        source: arrival.source.clone(),
    };
    gate.quarantine
        .store_event(event, place)
        .await
        .map_err(|error| unstored(gate, &error))?;
    gate.shared.counts.post("event");
    Ok(StatusCode::OK.into_response())
}
