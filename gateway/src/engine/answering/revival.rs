//! Portals and installations that work again: what waits for them goes now, not at the end of its pause.

use std::sync::Arc;

use store::StoreError;

use super::{Sender, key};
use crate::{engine::Engine, job::State};

impl Engine {
    /// The portal answered as it should.
    pub(super) fn works(&self, sender: &Arc<Sender>) {
        if sender.portal.pause.works() {
            let (engine, sender) = (self.clone(), sender.clone());
            tokio::spawn(async move { engine.hurry(&sender.portal.app, &sender.portal.member_id).await });
        }
    }

    /// Looks for installations that work again, until the soft stop.
    pub(crate) async fn watch_installations(self) {
        let stopping = self.0.shared.lifecycle.stopping();
        let mut latest = self.0.shared.latest.clone();
        let mut before = latest.borrow_and_update().clone();
        while let Some(Ok(())) = stopping.run_until_cancelled(latest.changed()).await {
            let after = latest.borrow_and_update().clone();
            if let (Some(before), Some(after)) = (&before, &after) {
                for (app, member_id) in after.revived(before) {
                    tracing::info!(app, member_id, "the installation works again: its answers go");
                    let sender = self.0.answering.senders.lock().get(&key(app, member_id)).cloned();
                    if let Some(sender) = sender {
                        sender.portal.pause.hurry(self.now());
                    }
                    self.hurry(app, member_id).await;
                }
            }
            before = after;
        }
    }

    async fn hurry(&self, app: &str, member_id: &str) {
        if let Err(error) = self.wake_answers(app, member_id).await {
            tracing::warn!(app, member_id, %error, "waiting answers could not be woken: they go when they are due");
        }
    }

    async fn wake_answers(&self, app: &str, member_id: &str) -> Result<(), StoreError> {
        let storage = &self.0.shared.storage;
        let of = (app.to_owned(), member_id.to_owned());
        for (line, _) in storage.reads().lines(Some(of)).await? {
            if line.state == State::AnsweredUnsent {
                let now = self.now();
                storage.wake_line(line.clone(), now).await?;
                self.0.lines.wake(line, now);
            }
        }
        Ok(())
    }
}
