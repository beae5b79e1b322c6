//! Calls to one portal with its installation's token: a rejected token is replaced once, a moved portal looked for once.

use std::{sync::Arc, time::Duration};

use bitrix::rest::{CallError, ErrorKind, Reply, Retry};
use proto::registrar::v1::InstallationState as State;
use serde_json::Value;
use store::StoreError;
use url::Url;

use crate::{
    error::Error,
    installation::{Installation, Installations, Issued, Key, Purpose, TokenError, Tokens, digest},
    remote::{Parent, Remote},
};

/// A conversation with a portal.
pub(super) struct Session<'a> {
    remote: &'a Remote,
    tokens: &'a Arc<Tokens>,
    installations: &'a Installations,
    installation: &'a Installation,
    key: &'a Key,
    parent: &'a Parent,
    token: Issued,
    endpoint: Url,
    refreshed: bool,
    located: bool,
}

/// Why a conversation can't go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// The installation does not work; the state is already stored when the OAuth server said so.
    Lost { state: State, problem: String },
    /// The token's user may not register activities.
    AdministratorLost(String),
    /// The portal wants a pause.
    Slow { pause: Duration, problem: String },
    /// Something else that the next pass may not meet.
    Trouble(String),
    /// Our own store.
    Internal(Error),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl<'a> Session<'a> {
    /// Begins with the stored token, or a fresh one.
    pub(super) async fn open(
        remote: &'a Remote,
        tokens: &'a Arc<Tokens>,
        installations: &'a Installations,
        installation: &'a Installation,
        parent: &'a Parent,
    ) -> Result<Self, Stop> {
        let key = &installation.key;
        let token = tokens.issue(key, None, Purpose::Probe, parent).await?;
        let endpoint = address(&token.client_endpoint)?;
        Ok(Self {
            remote,
            tokens,
            installations,
            installation,
            key,
            parent,
            token,
            endpoint,
            refreshed: false,
            located: false,
        })
    }

    /// Calls a method. The inner error is the portal's word about this call alone.
    pub(super) async fn call(&mut self, method: &'static str, params: Value) -> Result<Result<Reply, CallError>, Stop> {
        loop {
            let call = self.remote.call(
                self.parent,
                &self.endpoint,
                &self.token.access_token,
                method,
                params.clone(),
            );
            let error = match call.await {
                Ok(reply) => return Ok(Ok(reply)),
                Err(error) => error,
            };
            match error.retry() {
                Retry::RefreshToken if !self.refreshed => self.refresh().await?,
                Retry::FindPortal if !self.located => self.locate(&error).await?,
                _ => return self.refused(error).await.map(Err),
            }
        }
    }

    /// What a portal's refusal means. Its word alone ends nothing: it is closed for a while, its disk is full, or it takes no token for
    /// a moment. So the OAuth server is asked.
    async fn refused(&mut self, error: CallError) -> Result<CallError, Stop> {
        match error.kind {
            ErrorKind::NotInstalled | ErrorKind::ApplicationNotFound | ErrorKind::PortalDeleted => {
                let installed = self.app_info().await?.installed;
                let problem = format!("{error}; the OAuth server says that the app is installed: {installed}");
                Err(match error.kind {
                    ErrorKind::PortalDeleted => Stop::Trouble(problem),
                    _ if installed => Stop::Trouble(problem),
                    _ => Stop::Lost {
                        state: State::Uninstalled,
                        problem,
                    },
                })
            }
            // Even of a fresh token.
            ErrorKind::TokenExpired | ErrorKind::TokenInvalid => Err(Stop::Trouble(error.to_string())),
            _ => stop(error),
        }
    }

    /// Whether the installation is finished, by the OAuth server's word.
    pub(super) async fn is_installed(&mut self) -> Result<bool, Stop> {
        Ok(self.ask().await?.installed)
    }

    /// What the OAuth server knows of the installation, when nothing else speaks against that.
    async fn ask(&mut self) -> Result<bitrix::oauth::Install, Stop> {
        match self.app_info().await {
            Err(Stop::Lost { state, problem }) => {
                let against = self.tokens.against(self.installation, state, problem).await;
                Err(against.into())
            }
            answered => answered,
        }
    }

    async fn refresh(&mut self) -> Result<(), Stop> {
        self.refreshed = true;
        let rejected = digest(self.token.access_token.expose());
        self.token = self
            .tokens
            .issue(self.key, Some(rejected), Purpose::Probe, self.parent)
            .await?;
        self.endpoint = address(&self.token.client_endpoint)?;
        Ok(())
    }

    /// A redirect is never followed: only the OAuth server may say where the portal is.
    async fn locate(&mut self, redirect: &CallError) -> Result<(), Stop> {
        self.located = true;
        let named = self.ask().await?.client_endpoint;
        let endpoint = address(&named)?;
        if endpoint == self.endpoint {
            return Err(Stop::Trouble(format!(
                "{redirect}; the OAuth server names no other address"
            )));
        }
        tracing::info!(app = self.key.app, member_id = self.key.member_id, from = %self.endpoint, to = %endpoint, "portal moved");
        self.installations
            .set_endpoint(self.key, &named)
            .await
            .map_err(Stop::Internal)?;
        self.endpoint = endpoint;
        Ok(())
    }

    async fn app_info(&mut self) -> Result<bitrix::oauth::Install, Stop> {
        loop {
            let Some(server) = self.remote.server(&self.token.oauth_host) else {
                let host = &self.token.oauth_host;
                return Err(Stop::Trouble(format!(
                    "{host} is not among registrar.oauth_hosts any more"
                )));
            };
            match self
                .remote
                .own_app_info(self.parent, server, &self.token.access_token)
                .await
            {
                Ok(info) if info.install.member_id == self.key.member_id => return Ok(info.install),
                Ok(_) => {
                    return Err(Stop::Trouble(
                        "the OAuth server takes the token for another portal's".into(),
                    ));
                }
                Err(error) if error.retry() == Retry::RefreshToken && !self.refreshed => self.refresh().await?,
                Err(error) => {
                    return Err(stop(error).map_or_else(|stop| stop, |error| Stop::Trouble(error.to_string())));
                }
            }
        }
    }
}

/// What a failed call means for the whole conversation, by the OAuth server's word where it is about the installation; an error that
/// means nothing for it comes back.
fn stop(error: CallError) -> Result<CallError, Stop> {
    let problem = error.to_string();
    Err(match (error.kind, error.retry()) {
        // Even a fresh token is refused.
        (ErrorKind::TokenExpired | ErrorKind::TokenInvalid, _) => Stop::Lost {
            state: State::TokenRevoked,
            problem,
        },
        (ErrorKind::NotInstalled | ErrorKind::ApplicationNotFound, _) => Stop::Lost {
            state: State::Uninstalled,
            problem,
        },
        (ErrorKind::PortalDeleted, _) => Stop::Lost {
            state: State::PortalGone,
            problem,
        },
        (ErrorKind::AccessDenied | ErrorKind::UserDenied, _) => Stop::AdministratorLost(problem),
        (ErrorKind::RateLimited | ErrorKind::Overloaded | ErrorKind::OperationTimeLimit, Retry::Later(pause)) => {
            Stop::Slow { pause, problem }
        }
        (ErrorKind::PaymentRequired | ErrorKind::ScopeMissing | ErrorKind::Moved, _) | (_, Retry::Later(_)) => {
            Stop::Trouble(problem)
        }
        _ => return Ok(error),
    })
}

fn address(endpoint: &str) -> Result<Url, Stop> {
    match Url::parse(endpoint) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(Stop::Trouble(format!(
            "the OAuth server names `{endpoint}`, which is no address of a portal"
        ))),
    }
}

impl From<TokenError> for Stop {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Lost { state, problem } => Self::Lost { state, problem },
            error @ (TokenError::Unknown | TokenError::InDoubt { .. } | TokenError::Unavailable { .. }) => {
                Self::Trouble(error.to_string())
            }
        }
    }
}
