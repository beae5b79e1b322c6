//! Letting a request's credentials in: proved by the OAuth server, brought by an administrator of the portal.

use std::sync::Arc;

use bitrix::rest::Retry;
use jiff::{SignedDuration, Timestamp};
use proto::registrar::v1::{Auth, InstallationState as State};
use service::{Secret, SharedClock};

use super::{Credentials, Installation, Installations, Key, Proof, Tokens, Unproved, credentials::digest, prove};
use crate::{
    config::App,
    error::Error,
    metrics::Metrics,
    questions::{Caller, Questions, digest_of},
    remote::{Parent, Remote},
    storage::Adoption,
};

/// Lifetime of an access token that nobody names the end of.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// Decides about credentials that requests bring.
pub(crate) struct Admission {
    pub(crate) clock: SharedClock,
    pub(crate) remote: Arc<Remote>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) installations: Installations,
    pub(crate) questions: Arc<Questions>,
    pub(crate) metrics: Metrics,
}

/// A request of an administrator.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// Whether its credentials are the installation's now. Else those of before work, or it brought none.
    pub(crate) adopted: bool,
    /// Whether the installation is finished, by the OAuth server's word.
    pub(crate) finished: bool,
    /// There is an installation: it has credentials.
    pub(crate) known: bool,
}

/// A request that changes nothing.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It is not proved.
    Unproved(Unproved),
    /// It is proved, but its user is no administrator of the portal.
    NotAdministrator,
    /// The portal can't be asked now.
    Unreachable(String),
    /// Our own trouble.
    Internal(Error),
}

impl Admission {
    /// Proves a request by its own access token.
    pub(crate) async fn prove(
        &self,
        parent: &Parent,
        key: &Key,
        app: &App,
        auth: &Auth,
        caller: Caller<'_>,
    ) -> Result<Proof, Unproved> {
        let digest = digest_of(key, auth);
        let proof = if self.questions.was_disproved(&digest) {
            Err(Unproved::Disproved("the same was disproved before".into()))
        } else {
            self.ask(parent, app, auth, caller).await
        };
        if let Err(Unproved::Disproved(_)) = &proof {
            self.questions.disproved(digest);
        }
        self.metrics.proved(match &proof {
            Ok(_) => "proved",
            Err(Unproved::Disproved(_)) => "disproved",
            Err(Unproved::Expired) => "expired",
            Err(Unproved::Unreachable(_)) => "unreachable",
            Err(Unproved::NoBudget(_)) => "no_budget",
        });
        proof
    }

    /// Asks, if there is a budget for it.
    async fn ask(&self, parent: &Parent, app: &App, auth: &Auth, caller: Caller<'_>) -> Result<Proof, Unproved> {
        let questions = self.remote.servers_for(&auth.server_endpoint).len();
        self.questions.take(caller, questions).map_err(Unproved::NoBudget)?;
        let proof = prove(&self.remote, parent, app, auth).await;
        if proof.is_ok() {
            self.questions.give_back(caller.source, questions);
        }
        proof
    }

    /// Proves a request and takes what it brings.
    pub(crate) async fn admit(
        &self,
        parent: &Parent,
        key: &Key,
        app: &App,
        auth: &Auth,
        caller: Caller<'_>,
        installer: bool,
    ) -> Result<Admitted, Refused> {
        let proof = self
            .prove(parent, key, app, auth, caller)
            .await
            .map_err(Refused::Unproved)?;
        self.admit_proved(parent, key, auth, &proof, installer).await
    }

    /// Takes what a proved request brings, if an administrator of the portal sent it. `installer`: it tells of an
    /// installation, so its user is the one who installed.
    pub(crate) async fn admit_proved(
        &self,
        parent: &Parent,
        key: &Key,
        auth: &Auth,
        proof: &Proof,
        installer: bool,
    ) -> Result<Admitted, Refused> {
        let user_id = self
            .administrator(parent, auth, proof)
            .await?
            .ok_or(Refused::NotAdministrator)?;
        // From here to the end no refresh may bring back what is replaced.
        let _held = self.tokens.hold(key).await;
        self.take(key, auth, proof, user_id, installer)
            .await
            .map_err(Refused::Internal)
    }

    /// Takes what a proved callback brings, for an installation that does not work: all of it like a frame POST if an
    /// administrator's refresh token is in it, else the access token alone, good for answers until it expires. The
    /// answer: whether activities can be registered now.
    pub(crate) async fn heal(&self, parent: &Parent, key: &Key, auth: &Auth, proof: &Proof) -> Result<bool, Refused> {
        let administrator = self.administrator(parent, auth, proof).await?;
        let _held = self.tokens.hold(key).await;
        if let Some(user_id) = administrator {
            let taken = self.take(key, auth, proof, user_id, false).await;
            if taken.map_err(Refused::Internal)?.adopted {
                return Ok(true);
            }
        }
        self.lend(key, auth, proof, administrator)
            .await
            .map_err(Refused::Internal)?;
        Ok(administrator.is_some())
    }

    /// The user who sent a proved request, if an administrator of the portal.
    async fn administrator(&self, parent: &Parent, auth: &Auth, proof: &Proof) -> Result<Option<i64>, Refused> {
        match self.remote.profile(parent, &proof.endpoint, &auth.access_token).await {
            Ok(profile) => {
                let same = proof.info.user_id.is_none_or(|user_id| user_id == profile.id);
                Ok((profile.admin && same).then_some(profile.id))
            }
            Err(error) if error.retry() == Retry::Never => Ok(None),
            Err(error) => Err(Refused::Unreachable(error.to_string())),
        }
    }

    /// Makes do with an access token, unless there is something better.
    async fn lend(&self, key: &Key, auth: &Auth, proof: &Proof, administrator: Option<i64>) -> Result<(), Error> {
        let now = self.clock.now();
        let expires = expiry(proof.info.expires, auth.expires, now);
        if let Some((stored, Some(credentials))) = self.installations.get_with_credentials(key).await? {
            let lives = stored.state == State::Temporary && credentials.expires > now;
            let longer = expires > credentials.expires && (administrator.is_some() || stored.administrator_lost);
            if stored.works() || (lives && !longer) {
                return Ok(());
            }
            if stored.is_in_doubt() {
                // Its refresh token may be good still.
                let lent = Credentials {
                    access_token: Secret::from(auth.access_token.as_str()),
                    expires,
                    refresh_token: credentials.refresh_token,
                };
                return self.installations.refreshed(key, &lent, None, now).await;
            }
        }
        let adoption = Adoption {
            client_endpoint: proof.info.install.client_endpoint.clone(),
            oauth_host: proof.oauth_host.clone(),
            user_id: administrator.or(proof.info.user_id).unwrap_or_default(),
            administrator: administrator.is_some(),
            state: State::Temporary,
            application_token: administrator
                .filter(|_| !auth.application_token.is_empty())
                .map(|_| digest(&auth.application_token)),
            at: now,
        };
        let credentials = Credentials {
            access_token: Secret::from(auth.access_token.as_str()),
            expires,
            refresh_token: None,
        };
        self.installations.adopt(key, adoption, &credentials).await?;
        let (Key { app, member_id }, until) = (key, expires);
        tracing::warn!(app, member_id, %until, "temporary installation: an administrator must open the app");
        Ok(())
    }

    /// Erases the credentials of an uninstalled app.
    pub(crate) async fn uninstall(&self, key: &Key) -> Result<(), Error> {
        let _held = self.tokens.hold(key).await;
        self.installations.uninstall(key).await?;
        tracing::info!(
            app = key.app,
            member_id = key.member_id,
            "uninstalled, credentials erased"
        );
        Ok(())
    }

    async fn take(
        &self,
        key: &Key,
        auth: &Auth,
        proof: &Proof,
        user_id: i64,
        installer: bool,
    ) -> Result<Admitted, Error> {
        let stored = self.installations.get_with_credentials(key).await?;
        let has_credentials = matches!(stored, Some((_, Some(_))));
        let stored = stored.map(|(installation, _)| installation);
        let finished = proof.info.install.installed;
        let wanted = !has_credentials || installer || takes_over(stored.as_ref(), user_id, finished);
        let usable = !auth.refresh_token.is_empty() && !self.installations.is_spent(&auth.refresh_token).await?;
        let application_token = (!auth.application_token.is_empty()).then(|| digest(&auth.application_token));
        let now = self.clock.now();
        let state = if finished { State::Active } else { State::Incomplete };
        if wanted && usable {
            let adoption = Adoption {
                client_endpoint: proof.info.install.client_endpoint.clone(),
                oauth_host: proof.oauth_host.clone(),
                user_id,
                administrator: true,
                state,
                application_token,
                at: now,
            };
            let credentials = Credentials {
                access_token: Secret::from(auth.access_token.as_str()),
                expires: expiry(proof.info.expires, auth.expires, now),
                refresh_token: Some(Secret::from(auth.refresh_token.as_str())),
            };
            self.installations.adopt(key, adoption, &credentials).await?;
            tracing::info!(
                app = key.app,
                member_id = key.member_id,
                user_id,
                finished,
                "credentials taken"
            );
            return Ok(Admitted {
                adopted: true,
                finished,
                known: true,
            });
        }
        if let Some(stored) = stored.filter(|_| has_credentials) {
            // Of the administrator whose credentials we have; another one's word does not count.
            if let Some(token) = application_token.filter(|_| stored.user_id == user_id) {
                self.installations.learn(key, token).await?;
            }
            if stored.state == State::Incomplete && finished {
                self.installations
                    .set_state(key, State::Active, &stored.problem)
                    .await?;
            }
        }
        Ok(Admitted {
            adopted: false,
            finished,
            known: has_credentials,
        })
    }
}

/// Whether the credentials of this administrator replace those that are stored. The one who installed stays while his
/// work: activities run as that user, and two administrators who open the app in turn must not change that each time.
fn takes_over(stored: Option<&Installation>, user_id: i64, installed: bool) -> bool {
    stored.is_none_or(|stored| stored.user_id == user_id || !installed || !stored.works() || stored.administrator_lost)
}

/// The end of an access token: as the OAuth server tells, else as the request does. It was just proved, so it has not come.
fn expiry(proved: Option<i64>, claimed: i64, now: Timestamp) -> Timestamp {
    let latest = now.checked_add(LIFETIME).unwrap_or(now);
    let named = [proved.unwrap_or_default(), claimed]
        .map(Timestamp::from_second)
        .into_iter()
        .flatten();
    named
        .into_iter()
        .find(|named| *named > now)
        .map_or(latest, |named| named.min(latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(user_id: i64, state: State, administrator_lost: bool) -> Installation {
        Installation {
            key: Key {
                app: "demo".into(),
                member_id: "m".into(),
            },
            client_endpoint: String::new(),
            oauth_host: String::new(),
            user_id,
            state,
            application_tokens: Vec::new(),
            created: Timestamp::UNIX_EPOCH,
            adopted: Timestamp::UNIX_EPOCH,
            adoptions: 1,
            administrator_lost,
            bound: String::new(),
            reconciled: None,
            updated_all: None,
            problem: String::new(),
            refused_since: None,
        }
    }

    #[test]
    fn another_administrator_takes_over_only_when_needed() {
        use State::{Active, Incomplete, NoBizproc, PortalGone, Temporary, TokenRevoked, Uninstalled};
        assert!(takes_over(None, 1, true), "nobody is there");
        assert!(
            takes_over(Some(&stored(1, Active, false)), 1, true),
            "the same one brings fresh ones"
        );
        for state in [Active, Incomplete, NoBizproc] {
            assert!(
                !takes_over(Some(&stored(1, state, false)), 2, true),
                "{state:?}: the first one stays"
            );
            assert!(
                takes_over(Some(&stored(1, state, false)), 2, false),
                "{state:?}: the installer runs"
            );
            assert!(
                takes_over(Some(&stored(1, state, true)), 2, true),
                "{state:?}: the first one lost his rights"
            );
        }
        for state in [TokenRevoked, PortalGone, Uninstalled, Temporary] {
            assert!(
                takes_over(Some(&stored(1, state, false)), 2, true),
                "{state:?}: nothing works"
            );
        }
    }

    #[test]
    fn an_end_is_believed_within_reason() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let end = |proved, claimed| expiry(proved, claimed, now).as_second();
        assert_eq!(end(Some(1_000_100), 7), 1_000_100);
        assert_eq!(end(None, 1_000_100), 1_000_100);
        for nonsense in [i64::MAX, 2_000_000, 3_600, 0, -1] {
            assert_eq!(end(None, nonsense), 1_003_600, "{nonsense}");
            assert_eq!(end(Some(nonsense), 0), 1_003_600, "{nonsense}");
        }
    }
}
