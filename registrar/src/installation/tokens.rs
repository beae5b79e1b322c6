//! Access tokens of installations, refreshed in a single flight.
//!
//! A refresh voids the refresh token that it used. So one flight an installation, in a task of its own that no caller's
//! departure can cut, and the new pair is on the disk before anybody gets it. What is left is a crash between the OAuth
//! server's answer and the store's commit: the new pair is lost, and whether the old one still works is up to the OAuth
//! server. If it does not, the next refresh ends as `invalid_grant`, after a while the installation as "token revoked", and
//! the next frame POST of an administrator heals it, and a proved callback at least for an hour.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bitrix::{
    oauth,
    rest::{CallError, ErrorKind, Retry},
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use proto::registrar::v1::InstallationState as State;
use service::{Lifecycle, Secret, SharedClock, telemetry::log_span};
use thiserror::Error;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot};
use tracing::Instrument as _;
use url::Url;

use super::{Credentials, Installation, Installations, Key, TokenDigest, credentials::digest};
use crate::{
    config::Config,
    metrics::{Metrics, Refresh},
    remote::{Parent, Remote},
};

/// A token this close to its end counts as expired: it must live as long as the call that it is for.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// Between refreshes that a portal's refusal asks for: some refuse a good token now and then, and a refresh mends nothing there.
/// Also between those that the OAuth server refuses.
const BETWEEN: Duration = Duration::from_mins(1);
/// When the caller may try again after an error that says no time of its own.
const RETRY: Duration = Duration::from_secs(30);

/// Issues access tokens.
pub(crate) struct Tokens {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: SharedClock,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) remote: Arc<Remote>,
    pub(crate) installations: Installations,
    pub(crate) metrics: Metrics,
    pub(crate) flights: Mutex<HashMap<Key, Arc<AsyncMutex<Flight>>>>,
    /// Flights that ended, of all installations.
    pub(crate) ended: AtomicU64,
}

/// The flights of one installation: the lock is held while one is on its way.
#[derive(Default)]
pub(crate) struct Flight {
    /// How the last one failed.
    failed: Option<Failed>,
    /// When the last one succeeded.
    succeeded: Option<Timestamp>,
}

struct Failed {
    /// Which end of a flight that was: who waited for it needs no flight of its own.
    end: u64,
    at: Timestamp,
    error: TokenError,
}

/// A token to call the portal with.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) access_token: Secret,
    pub(crate) expires: Timestamp,
    pub(crate) client_endpoint: String,
    pub(crate) oauth_host: String,
}

/// Whether the installation's state matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A token for use: an installation that is known not to work has none.
    Use,
    /// Finding out whether it works again.
    Probe,
}

/// Why there is no token.
#[derive(Debug, Clone, Error)]
pub(crate) enum TokenError {
    /// No such installation.
    #[error("no such installation")]
    Unknown,
    /// No token can be had until an administrator opens or installs the app again.
    #[error("{problem}")]
    Lost {
        /// Which way it was lost.
        state: State,
        /// For people.
        problem: String,
    },
    /// The OAuth server refuses it, which alone does not end the installation yet.
    #[error("{problem}")]
    InDoubt {
        /// For people.
        problem: String,
        /// When it is asked again.
        retry: Duration,
    },
    /// Trouble that may pass.
    #[error("{problem}")]
    Unavailable {
        /// For people.
        problem: String,
        /// When to try again.
        retry: Duration,
    },
}

impl Tokens {
    /// A token of the installation. It is the stored one unless that has expired or is the `rejected` one.
    pub(crate) async fn issue(
        self: &Arc<Self>,
        key: &Key,
        rejected: Option<TokenDigest>,
        purpose: Purpose,
        parent: &Parent,
    ) -> Result<Issued, TokenError> {
        let arrived = self.ended.load(Ordering::Relaxed);
        let stored = self.stored(key, rejected, purpose).await?;
        if let Ready::Issued(issued) = stored {
            return Ok(issued);
        }
        let (done, landed) = oneshot::channel();
        let (tokens, key, parent) = (self.clone(), key.clone(), parent.clone());
        let log = parent.as_ref().map_or_else(tracing::Span::none, log_span);
        let flight = async move {
            // The caller may be gone; the pair is stored all the same.
            drop(done.send(tokens.fly(&key, rejected, purpose, arrived, &parent).await));
        };
        self.lifecycle.spawn("token refresh", flight.instrument(log));
        landed
            .await
            .unwrap_or_else(|_| Err(unavailable("the registrar is stopping".into())))
    }

    /// Keeps flights of an installation away while its credentials are replaced.
    pub(crate) async fn hold(&self, key: &Key) -> OwnedMutexGuard<Flight> {
        let mut flight = self.flight(key).lock_owned().await;
        *flight = Flight::default();
        flight
    }

    async fn fly(
        &self,
        key: &Key,
        rejected: Option<TokenDigest>,
        purpose: Purpose,
        arrived: u64,
        parent: &Parent,
    ) -> Result<Issued, TokenError> {
        let flight = self.flight(key);
        let mut flight = flight.lock().await;
        let is_refused = |failed: &Failed| {
            purpose == Purpose::Use
                && matches!(failed.error, TokenError::InDoubt { .. })
                && self.wait(failed.at).is_some()
        };
        let mut failed = flight.failed.iter();
        if let Some(failed) = failed.find(|failed| failed.end > arrived || is_refused(failed)) {
            return Err(failed.error.clone());
        }
        // Somebody else's flight may have brought what is needed.
        let (installation, credentials) = match self.stored(key, rejected, purpose).await? {
            Ready::Issued(issued) => return Ok(issued),
            Ready::Refresh(installation, credentials) => (*installation, credentials),
        };
        let expired = self.clock.now() + MARGIN >= credentials.expires;
        if let Some(wait) = flight
            .succeeded
            .filter(|_| !expired && purpose == Purpose::Use)
            .and_then(|at| self.wait(at))
        {
            return Err(TokenError::Unavailable {
                problem: "the portal takes no token that was just refreshed".into(),
                retry: wait,
            });
        }
        let result = self.refresh(&installation, &credentials, parent).await;
        let at = self.clock.now();
        if result.is_ok() {
            flight.succeeded = Some(at);
        }
        match &result {
            Ok(_) => self.metrics.refreshed(Refresh::Ok),
            Err(TokenError::Unavailable { .. }) => self.metrics.refreshed(Refresh::Unavailable),
            // Counted where that is found.
            Err(_) => {}
        }
        let end = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        flight.failed = result.as_ref().err().cloned().map(|error| Failed { end, at, error });
        result
    }

    /// How long a rejected token is not refreshed again after a refresh.
    fn wait(&self, refreshed: Timestamp) -> Option<Duration> {
        let passed = self.clock.now().duration_since(refreshed).unsigned_abs();
        BETWEEN.checked_sub(passed).filter(|wait| !wait.is_zero())
    }

    async fn refresh(
        &self,
        installation: &Installation,
        credentials: &Credentials,
        parent: &Parent,
    ) -> Result<Issued, TokenError> {
        let key = &installation.key;
        let app = self.config.apps.get(key.app.as_str()).ok_or(TokenError::Unknown)?;
        let server = self.remote.server(&installation.oauth_host).ok_or_else(|| {
            unavailable(format!(
                "{} is not among registrar.oauth_hosts any more",
                installation.oauth_host
            ))
        })?;
        let Some(refresh_token) = &credentials.refresh_token else {
            return Err(self.over(key).await);
        };
        let pair = match self.remote.refresh(parent, server, app, refresh_token).await {
            Ok(pair) => pair,
            Err(error) => return Err(self.failed(installation, &error).await),
        };
        if pair
            .member_id
            .as_ref()
            .is_some_and(|member_id| *member_id != key.member_id)
        {
            return Err(unavailable(
                "the OAuth server answered with a token of another portal".into(),
            ));
        }
        let now = self.clock.now();
        let fresh = Credentials {
            access_token: Secret::from(pair.access_token.expose()),
            expires: expiry(&pair, now),
            refresh_token: Some(Secret::from(pair.refresh_token.expose())),
        };
        let endpoint = pair
            .client_endpoint
            .filter(|endpoint| Url::parse(endpoint).is_ok_and(|url| url.has_host()));
        let stored = self.installations.refreshed(key, &fresh, endpoint.clone(), now).await;
        stored.map_err(|error| {
            tracing::error!(app = key.app, member_id = key.member_id, %error, "a new pair of tokens could not be stored");
            unavailable("the new token could not be stored".into())
        })?;
        tracing::debug!(app = key.app, member_id = key.member_id, "token refreshed");
        Ok(Issued {
            access_token: fresh.access_token,
            expires: fresh.expires,
            client_endpoint: endpoint.unwrap_or_else(|| installation.client_endpoint.clone()),
            oauth_host: installation.oauth_host.clone(),
        })
    }

    /// What follows from the OAuth server's refusal of a refresh.
    async fn failed(&self, installation: &Installation, error: &CallError) -> TokenError {
        let key = &installation.key;
        let state = match error.kind {
            ErrorKind::InvalidGrant => State::TokenRevoked,
            ErrorKind::NotInstalled | ErrorKind::ApplicationNotFound => State::Uninstalled,
            ErrorKind::PortalDeleted => State::PortalGone,
            _ => {
                tracing::warn!(app = key.app, member_id = key.member_id, %error, "no token from the OAuth server");
                let retry = match error.retry() {
                    Retry::Later(pause) => pause.max(Duration::from_secs(1)),
                    _ => RETRY,
                };
                return TokenError::Unavailable {
                    problem: error.to_string(),
                    retry,
                };
            }
        };
        self.against(installation, state, error.to_string()).await
    }

    /// The OAuth server speaks against an installation: it is lost when it has done so for long. That a portal takes its token no
    /// more is no second word: that is how every token ends.
    pub(crate) async fn against(&self, installation: &Installation, state: State, problem: String) -> TokenError {
        let (key, now) = (&installation.key, self.clock.now());
        let since = installation.refused_since.unwrap_or(now);
        // A clock may go back.
        let passed = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        let left = self
            .config
            .lost_after
            .checked_sub(passed)
            .filter(|left| !left.is_zero());
        let Some(left) = left else {
            return self.lost(key, state, format!("{problem}, since {since}")).await;
        };
        self.metrics.refreshed(Refresh::Refused);
        let until = now.checked_add(left).unwrap_or(now);
        let problem = format!("{problem}, since {since}; nothing else says so, and it is believed only at {until}");
        tracing::warn!(
            app = key.app,
            member_id = key.member_id,
            problem,
            "installation in doubt"
        );
        if let Err(error) = self.installations.doubt(key, &problem, now).await {
            return unavailable(error.to_string());
        }
        TokenError::InDoubt {
            problem,
            retry: BETWEEN,
        }
    }

    /// A callback's access token has had its time, and nothing renews it.
    async fn over(&self, key: &Key) -> TokenError {
        let problem = "it was known by the access token of a callback only, which is over";
        self.lost(key, State::TokenRevoked, problem.into()).await
    }

    async fn lost(&self, key: &Key, state: State, problem: String) -> TokenError {
        tracing::warn!(
            app = key.app,
            member_id = key.member_id,
            state = state.as_str_name(),
            problem,
            "credentials lost"
        );
        self.metrics.refreshed(Refresh::Lost);
        if let Err(error) = self.installations.set_state(key, state, &problem).await {
            return unavailable(error.to_string());
        }
        TokenError::Lost { state, problem }
    }

    async fn stored(&self, key: &Key, rejected: Option<TokenDigest>, purpose: Purpose) -> Result<Ready, TokenError> {
        let row = self.installations.get_with_credentials(key).await.map_err(|error| {
            tracing::error!(app = key.app, member_id = key.member_id, %error, "credentials can't be read");
            unavailable("the credentials can't be read from the registrar's store".into())
        })?;
        let (installation, credentials) = row.ok_or(TokenError::Unknown)?;
        let lost = |state| TokenError::Lost {
            state,
            problem: problem(&installation),
        };
        let Some(credentials) = credentials else {
            return Err(lost(State::Uninstalled));
        };
        let dead = matches!(
            installation.state,
            State::TokenRevoked | State::PortalGone | State::Uninstalled
        );
        if dead && purpose == Purpose::Use {
            return Err(lost(installation.state));
        }
        let expired = self.clock.now() + MARGIN >= credentials.expires;
        if expired || rejected == Some(digest(credentials.access_token.expose())) {
            return Ok(Ready::Refresh(Box::new(installation), credentials));
        }
        Ok(Ready::Issued(Issued {
            access_token: credentials.access_token,
            expires: credentials.expires,
            client_endpoint: installation.client_endpoint,
            oauth_host: installation.oauth_host,
        }))
    }

    fn flight(&self, key: &Key) -> Arc<AsyncMutex<Flight>> {
        self.flights.lock().entry(key.clone()).or_default().clone()
    }
}

/// What the store has.
enum Ready {
    Issued(Issued),
    Refresh(Box<Installation>, Credentials),
}

/// By the lifetime, not by the time that the OAuth server names: its clock is not ours.
fn expiry(pair: &oauth::Tokens, now: Timestamp) -> Timestamp {
    let lifetime = SignedDuration::from_secs(i64::try_from(pair.expires_in).unwrap_or(3600));
    now.checked_add(lifetime).unwrap_or(now)
}

fn problem(installation: &Installation) -> String {
    let advice = match installation.state {
        State::PortalGone => "the portal was deleted",
        State::TokenRevoked => "the token was revoked: an administrator must open the app on the portal",
        _ => "the app is not installed on the portal any more",
    };
    if installation.problem.is_empty() {
        advice.into()
    } else {
        format!("{advice} ({})", installation.problem)
    }
}

fn unavailable(problem: String) -> TokenError {
    TokenError::Unavailable { problem, retry: RETRY }
}
