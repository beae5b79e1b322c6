//! Hands events to the registrar, in the order of their arrival.

use std::{sync::Arc, time::Duration};

use bitrix::{
    form::Value,
    post::{Event, Post, classify},
};
use proto::registrar::v1::HandleEventRequest;
use service::{Backoff, Lifecycle, SharedClock};
use store::{Db, StoreError};
use tonic::Code;

use crate::{
    auth,
    config::Limits,
    job::Millis,
    metrics::Counts,
    persist::events::{self, StoredEvent},
    quarantine::Quarantine,
    registrar::Registrar,
    seal::Sealer,
};

const BACKOFF: Backoff = Backoff::seconds(1, 300);
/// An event that could not be handed over for as long is dropped: the registrar reconciles by itself anyway.
const LONGEST: Duration = Duration::from_hours(168);
const BATCH: u32 = 64;
/// Looked at as often even if nothing seems due.
const FALLBACK: Duration = Duration::from_secs(5);

/// The worker, with all it needs.
pub(crate) struct Events {
    pub(crate) quarantine: Arc<Quarantine>,
    pub(crate) db: Db,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) registrar: Registrar,
    pub(crate) clock: SharedClock,
    pub(crate) counts: Arc<Counts>,
    pub(crate) limits: Limits,
    pub(crate) lifecycle: Lifecycle,
}

impl Events {
    /// Runs until the soft stop.
    pub(crate) async fn run(self) {
        let stopping = self.lifecycle.stopping();
        loop {
            match self.pass().await {
                Ok(true) if !stopping.is_cancelled() => continue,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "events could not be handed over"),
            }
            let pause = match self.db.read(events::next).await {
                Ok(Some(next)) => next.since(self.now()).clamp(Duration::from_millis(10), FALLBACK),
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
        let now = self.now();
        let due = self.db.read(move |db| events::due(db, now, BATCH)).await?;
        let handled = due.len();
        for stored in due {
            if self.lifecycle.is_stopping() {
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
                self.counts.dropped("event_unreadable");
                return self.db.write(move |tx| events::delete(tx, row)).await;
            }
        };
        match self.registrar.handle_event(request).await {
            Ok(response) => {
                if !response.believed {
                    tracing::info!(
                        app = stored.app,
                        event = stored.event,
                        reason = response.reason,
                        "event not believed"
                    );
                    self.counts.dropped("event_not_believed");
                }
                self.db.write(move |tx| events::delete(tx, row)).await
            }
            Err(status) if matches!(status.code(), Code::InvalidArgument | Code::NotFound) => {
                tracing::warn!(
                    app = stored.app,
                    event = stored.event,
                    reason = status.message(),
                    "event refused"
                );
                self.counts.dropped("event_refused");
                self.db.write(move |tx| events::delete(tx, row)).await
            }
            Err(_) if self.now().since(stored.received) > LONGEST => {
                tracing::error!(
                    app = stored.app,
                    event = stored.event,
                    "event dropped: it could not be handed over for a week"
                );
                self.counts.dropped("event_late");
                self.db.write(move |tx| events::delete(tx, row)).await
            }
            Err(status) => {
                let attempts = stored.attempts + 1;
                tracing::warn!(
                    event = stored.event,
                    attempts,
                    error = status.message(),
                    "event waits for the registrar"
                );
                let next = self.now().after(BACKOFF.delay(attempts));
                self.db.write(move |tx| events::wait(tx, row, attempts, next)).await
            }
        }
    }

    fn request(&self, stored: &StoredEvent) -> Result<HandleEventRequest, String> {
        let body = self
            .sealer
            .open(&stored.digest, &stored.sealed)
            .map_err(|error| error.to_string())?;
        let Ok(Post::Event(event)) = classify(&body, None, &self.limits.form()) else {
            return Err("the stored body is no event any more".into());
        };
        Ok(HandleEventRequest {
            app: stored.app.clone(),
            event_id: data_encoding::HEXLOWER.encode(&stored.digest[..16]),
            data: flat(&event),
            auth: Some(auth::wire(&event.auth)),
            ts: event.ts.unwrap_or_default(),
            event: event.event,
        })
    }

    fn now(&self) -> Millis {
        self.clock.now().into()
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
