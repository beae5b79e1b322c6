//! Lifecycle events of an app. Anybody can post one: each is believed as far as it can be proved, and what can't be is no
//! more than a reason to look.

use std::{sync::Arc, time::Duration};

use proto::registrar::v1::{Auth, HandleEventRequest};
use service::SharedClock;
use subtle::ConstantTimeEq;

use crate::{
    config::{App, Config},
    error::Error,
    installation::{Admission, Installation, Installations, Key, Refused, Unproved, digest},
    questions::{Asker, Caller},
    reconcile::Scheduler,
    remote::Parent,
    storage::{Storage, Taken},
};

/// Handles lifecycle events.
pub(crate) struct LifecycleEvents {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: SharedClock,
    pub(crate) storage: Storage,
    pub(crate) admission: Arc<Admission>,
    pub(crate) installations: Installations,
    pub(crate) scheduler: Arc<Scheduler>,
}

/// Why an event can't be handled now: it should come again.
#[derive(Debug)]
pub(crate) enum Later {
    /// The configuration has no such app.
    NoApp,
    /// Nobody could be asked.
    Unreachable(String),
    /// Nobody may be asked for this time.
    NoBudget(Duration),
    /// Our own trouble.
    Internal(Error),
}

impl LifecycleEvents {
    /// Handles an event once, however often it comes.
    pub(crate) async fn handle(&self, parent: &Parent, request: &HandleEventRequest) -> Result<Taken, Later> {
        let app = self.config.apps.get(request.app.as_str()).ok_or(Later::NoApp)?;
        if !request.event_id.is_empty()
            && let Some(taken) = self.handled(request).await?
        {
            return Ok(taken);
        }
        let auth = request.auth.clone().unwrap_or_default();
        let key = Key {
            app: request.app.clone(),
            member_id: auth.member_id.clone(),
        };
        let taken = match request.event.to_ascii_uppercase().as_str() {
            "ONAPPINSTALL" => self.installed(parent, &key, app, &auth, request).await?,
            "ONAPPUNINSTALL" => self.uninstalled(&key, &auth, request.ts).await?,
            "ONAPPUPDATE" => self.other(&key, &auth).await?,
            _ => not_believed("it tells nothing of the app's installation"),
        };
        tracing::info!(
            app = key.app,
            member_id = key.member_id,
            event = request.event,
            believed = taken.believed,
            reason = taken.reason,
            "lifecycle event"
        );
        // What was not believed had no effect, and a flood of it must not fill the store.
        if taken.believed && !request.event_id.is_empty() {
            let (app, event_id, now) = (&request.app, &request.event_id, self.clock.now());
            let remembered = self.storage.remember_event(app, event_id, &taken, now).await;
            remembered.map_err(Error::from)?;
        }
        Ok(taken)
    }

    /// How it was taken when it came before: the gateway hands an event on until it is answered.
    async fn handled(&self, request: &HandleEventRequest) -> Result<Option<Taken>, Error> {
        let (app, event_id) = (request.app.clone(), request.event_id.clone());
        Ok(self.storage.reads().event(app, event_id).await?)
    }

    async fn installed(
        &self,
        parent: &Parent,
        key: &Key,
        app: &App,
        auth: &Auth,
        request: &HandleEventRequest,
    ) -> Result<Taken, Later> {
        // Another administrator has installed since, and the portal's events are slower than its frames.
        let overtaken =
            |one: &Installation| one.works() && older(request.ts, one) && ![0, one.user_id].contains(&auth.user_id);
        let known = self.installations.get(key).await?;
        if known.as_ref().is_some_and(overtaken) {
            return self.other(key, auth).await;
        }
        let caller = Caller {
            asker: if known.is_some() { Asker::Known } else { Asker::Stranger },
            source: &request.source,
        };
        match self.admission.admit(parent, key, app, auth, caller, true).await {
            Ok(admitted) if admitted.known => {
                self.scheduler.now(key);
                Ok(believed())
            }
            Ok(_) => Ok(not_believed("it carries no refresh token, or one that was used before")),
            Err(Refused::Unproved(Unproved::Unreachable(problem)) | Refused::Unreachable(problem)) => {
                Err(Later::Unreachable(problem))
            }
            Err(Refused::Unproved(Unproved::NoBudget(wait))) => Err(Later::NoBudget(wait)),
            Err(Refused::Internal(error)) => Err(Later::Internal(error)),
            Err(refused) => {
                self.look(key).await?;
                Ok(not_believed(&match refused {
                    Refused::Unproved(Unproved::Disproved(reason)) => reason,
                    Refused::Unproved(_) => "its access token has expired".into(),
                    _ => "its user is no administrator of the portal".into(),
                }))
            }
        }
    }

    /// The stored application token is the only proof: the event carries no other.
    async fn uninstalled(&self, key: &Key, auth: &Auth, ts: i64) -> Result<Taken, Later> {
        let Some(installation) = self.installations.get(key).await? else {
            return Ok(not_believed("there is no such installation"));
        };
        if !knows(&installation, auth) {
            self.scheduler.soon(key);
            return Ok(not_believed(
                "it does not carry the application_token of the installation",
            ));
        }
        if older(ts, &installation) {
            self.scheduler.soon(key);
            return Ok(not_believed("it is older than the installation"));
        }
        self.admission.uninstall(key).await?;
        Ok(believed())
    }

    async fn other(&self, key: &Key, auth: &Auth) -> Result<Taken, Later> {
        let Some(installation) = self.installations.get(key).await? else {
            return Ok(not_believed("there is no such installation"));
        };
        if knows(&installation, auth) {
            self.scheduler.now(key);
            Ok(believed())
        } else {
            self.scheduler.soon(key);
            Ok(not_believed(
                "it does not carry the application_token of the installation",
            ))
        }
    }

    async fn look(&self, key: &Key) -> Result<(), Later> {
        if self.installations.get(key).await?.is_some() {
            self.scheduler.soon(key);
        }
        Ok(())
    }
}

/// Whether an event was sent before the installation's credentials were taken. Both clocks are good to some seconds.
fn older(ts: i64, installation: &Installation) -> bool {
    ts > 0 && ts < installation.adopted.as_second()
}

/// Whether the request carries an application token of the installation; compared in constant time.
fn knows(installation: &Installation, auth: &Auth) -> bool {
    let given = digest(&auth.application_token);
    let known = installation
        .application_tokens
        .iter()
        .fold(0, |known, token| known | token.ct_eq(&given).unwrap_u8());
    known == 1 && !auth.application_token.is_empty()
}

fn believed() -> Taken {
    Taken {
        believed: true,
        reason: String::new(),
    }
}

fn not_believed(reason: &str) -> Taken {
    Taken {
        believed: false,
        reason: reason.into(),
    }
}

impl From<Error> for Later {
    fn from(error: Error) -> Self {
        Self::Internal(error)
    }
}
