//! Hands events to the registrar, in the order of their arrival.

use std::{sync::Arc, time::Duration};

use bitrix::{
    form::Value,
    post::{Event, Post, classify},
};
use proto::registrar::v1::HandleEventRequest;
use service::{
    Backoff,
    telemetry::{KeyValue, SpanKind},
};
use store::StoreError;
use tonic::Code;

use crate::{
    auth,
    quarantine::Quarantine,
    registrar::{HANDLE_EVENT, ended},
    shared::Shared,
    storage::StoredEvent,
};

const BACKOFF: Backoff = Backoff::seconds(1, 300);
/// An event that could not be handed over for as long is dropped: the registrar reconciles by itself anyway.
const LONGEST: Duration = Duration::from_hours(168);
const BATCH: u32 = 64;
/// The store is read at this interval even if nothing is known to be due.
const FALLBACK: Duration = Duration::from_secs(5);

/// The worker, with all it needs.
pub(crate) struct Events {
    pub(crate) shared: Arc<Shared>,
    pub(crate) quarantine: Arc<Quarantine>,
}

impl Events {
    /// Runs until the soft stop.
    pub(crate) async fn run(self) {
        let stopping = self.shared.lifecycle.stopping();
        loop {
            match self.pass().await {
                Ok(true) if !stopping.is_cancelled() => continue,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "events could not be handed over"),
            }
            let pause = match self.shared.storage.reads().next_event().await {
                Ok(Some(next)) => next.since(self.shared.now()).clamp(Duration::from_millis(10), FALLBACK),
                _ => FALLBACK,
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = self.quarantine.event_came() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Whether there may be more to do.
    async fn pass(&self) -> Result<bool, StoreError> {
        let now = self.shared.now();
        let due = self.shared.storage.reads().events(now, BATCH).await?;
        let handled = due.len();
        for stored in due {
            if self.shared.lifecycle.is_stopping() {
                return Ok(false);
            }
            self.hand_over(stored).await?;
        }
        if handled > 0 {
            self.quarantine.recount().await?;
        }
        Ok(handled == BATCH as usize)
    }

    async fn hand_over(&self, stored: StoredEvent) -> Result<(), StoreError> {
        let row = stored.row;
        let request = match self.request(&stored) {
            Ok(request) => request,
            Err(problem) => {
                tracing::error!(event = stored.event, problem, "event dropped");
                self.shared.counts.dropped("event_unreadable");
                return self.shared.storage.delete_event(row).await;
            }
        };
        let mut span = self.shared.telemetry.span(HANDLE_EVENT, SpanKind::Client, None);
        let handled = self.shared.registrar.handle_event(request, span.context()).await;
        if span.is_recording() {
            let attributes = self.shared.registrar.attributes(HANDLE_EVENT);
            attributes
                .into_iter()
                .chain(ended(&handled))
                .for_each(|attribute| span.set(attribute));
            span.set(KeyValue::new("bizproc.event", stored.event.clone()));
            span.set(KeyValue::new("bizproc.app", stored.app.clone()));
        }
        if let Err(status) = &handled {
            span.fail(status.message().to_owned());
        }
        let trace_id = span.context().trace_id();
        drop(span);
        match handled {
            Ok(response) => {
                if !response.believed {
                    tracing::info!(
                        %trace_id,
                        app = stored.app,
                        event = stored.event,
                        reason = response.reason,
                        "event not believed"
                    );
                    self.shared.counts.dropped("event_not_believed");
                }
                self.shared.storage.delete_event(row).await
            }
            Err(status) if matches!(status.code(), Code::InvalidArgument | Code::NotFound) => {
                tracing::warn!(
                    %trace_id,
                    app = stored.app,
                    event = stored.event,
                    reason = status.message(),
                    "event refused"
                );
                self.shared.counts.dropped("event_refused");
                self.shared.storage.delete_event(row).await
            }
            Err(_) if self.shared.now().since(stored.received) > LONGEST => {
                tracing::error!(
                    %trace_id,
                    app = stored.app,
                    event = stored.event,
                    "event dropped: it could not be handed over for a week"
                );
                self.shared.counts.dropped("event_late");
                self.shared.storage.delete_event(row).await
            }
            Err(status) => {
                let attempts = stored.attempts + 1;
                tracing::warn!(
                    %trace_id,
                    event = stored.event,
                    attempts,
                    error = status.message(),
                    "event waits for the registrar"
                );
                let next = self.shared.now().after(BACKOFF.delay(attempts));
                self.shared.storage.delay_event(row, attempts, next).await
            }
        }
    }

    fn request(&self, stored: &StoredEvent) -> Result<HandleEventRequest, String> {
        let body = self
            .shared
            .sealer
            .open(&stored.digest, &stored.sealed)
            .map_err(|error| error.to_string())?;
        let Ok(Post::Event(event)) = classify(&body, None, &self.shared.config.limits.form()) else {
            return Err("the stored body is no event any more".into());
        };
        Ok(HandleEventRequest {
            app: stored.app.clone(),
            event_id: data_encoding::HEXLOWER.encode(&stored.digest[..16]),
            data: flat(&event),
            auth: Some(auth::wire(&event.auth)),
            ts: event.ts.unwrap_or_default(),
            event: event.event,
            source: stored.source.clone(),
        })
    }
}

/// The texts of an event's data; lifecycle events have nothing else.
fn flat(event: &Event) -> std::collections::HashMap<String, String> {
    let text = |value: &Value| value.as_str()?.ok().map(str::to_owned);
    event
        .data
        .iter()
        .filter_map(|(key, value)| Some((key.to_string(), text(value)?)))
        .collect()
}
