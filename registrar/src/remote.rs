//! The way out to portals and OAuth servers: a client span each, tokens only where they may go.

use std::sync::Arc;

use bitrix::{
    oauth::{self, AppInfo, Server, Servers, Tokens},
    rest::{CallError, Client, ErrorKind, Profile, Reply, client_builder},
};
use serde_json::Value;
use service::{
    Secret, Telemetry,
    guard::Guard,
    telemetry::{KeyValue, Span, SpanContext, SpanKind},
};
use url::Url;

use crate::{config::App, questions::Questions};

/// What a call is made for: the parent of its span.
pub(crate) type Parent = Option<SpanContext>;

/// Calls portals and OAuth servers.
pub(crate) struct Remote {
    /// For portals, whose addresses are their owners' choice.
    portals: Client,
    guard: Guard,
    /// For OAuth servers, whose addresses are the configuration's.
    oauth: Client,
    servers: Servers,
    questions: Arc<Questions>,
    telemetry: Telemetry,
}

impl Remote {
    /// `servers`: the only OAuth servers that are ever asked.
    pub(crate) fn new(
        servers: Servers,
        guard: Guard,
        questions: Arc<Questions>,
        telemetry: Telemetry,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            // A proxy would look names up for us.
            portals: Client::new(client_builder().no_proxy().dns_resolver(guard.clone()).build()?),
            guard,
            oauth: Client::new(client_builder().build()?),
            servers,
            questions,
            telemetry,
        })
    }

    /// The servers to ask about a token: the one that the request names if it is configured, else each in turn.
    pub(crate) fn servers_for(&self, server_endpoint: &str) -> Vec<&Server> {
        match self.servers.by_endpoint(server_endpoint) {
            Some(named) => vec![named],
            None => self.servers.iter().collect(),
        }
    }

    /// Whether the server that a request names is configured.
    pub(crate) fn knows(&self, server_endpoint: &str) -> bool {
        self.servers.by_endpoint(server_endpoint).is_some()
    }

    /// The configured server with this address.
    pub(crate) fn server(&self, url: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.url().as_str() == url)
    }

    /// Whose the access token is, which somebody sent: the budget is the caller's matter.
    pub(crate) async fn app_info(&self, parent: &Parent, server: &Server, token: &str) -> Result<AppInfo, CallError> {
        let span = self.span("app.info", server.url(), parent);
        ended(span, oauth::app_info(&self.oauth, server, token).await)
    }

    /// What an installation's own token stands for.
    pub(crate) async fn own_app_info(
        &self,
        parent: &Parent,
        server: &Server,
        token: &Secret,
    ) -> Result<AppInfo, CallError> {
        self.questions.ours();
        self.app_info(parent, server, token.expose()).await
    }

    /// Trades a refresh token for a new pair.
    pub(crate) async fn refresh(
        &self,
        parent: &Parent,
        server: &Server,
        app: &App,
        refresh_token: &Secret,
    ) -> Result<Tokens, CallError> {
        self.questions.ours();
        let span = self.span("oauth.token", server.url(), parent);
        let secret = app.client_secret.expose();
        ended(
            span,
            oauth::refresh(&self.oauth, server, &app.client_id, secret, refresh_token.expose()).await,
        )
    }

    /// Who the token's user is.
    pub(crate) async fn profile(&self, parent: &Parent, endpoint: &Url, token: &str) -> Result<Profile, CallError> {
        let span = self.span("profile", endpoint, parent);
        let profile = async {
            self.check(endpoint)?;
            self.portals.profile(endpoint, token).await
        };
        ended(span, profile.await)
    }

    /// Calls a method of a portal.
    pub(crate) async fn call(
        &self,
        parent: &Parent,
        endpoint: &Url,
        token: &Secret,
        method: &'static str,
        params: Value,
    ) -> Result<Reply, CallError> {
        let span = self.span(method, endpoint, parent);
        let call = async {
            self.check(endpoint)?;
            self.portals.call(endpoint, token.expose(), method, params).await
        };
        ended(span, call.await)
    }

    /// A host that is an address is not resolved.
    fn check(&self, endpoint: &Url) -> Result<(), CallError> {
        self.guard
            .check(endpoint.host_str().unwrap_or_default())
            .map_err(|error| CallError::new(ErrorKind::Unreachable, error.to_string()))
    }

    fn span(&self, name: &'static str, url: &Url, parent: &Parent) -> Span {
        let mut span = self.telemetry.span(name, SpanKind::Client, parent.as_ref());
        if span.is_recording() {
            span.set(KeyValue::new("http.request.method", "POST"));
            span.set(KeyValue::new(
                "server.address",
                url.host_str().unwrap_or_default().to_owned(),
            ));
            span.set(KeyValue::new(
                "server.port",
                i64::from(url.port_or_known_default().unwrap_or_default()),
            ));
        }
        span
    }
}

/// Errors repeat no token, so a span may carry them.
fn ended<T>(mut span: Span, result: Result<T, CallError>) -> Result<T, CallError> {
    match &result {
        Ok(_) => span.set(KeyValue::new("http.response.status_code", 200)),
        Err(error) => {
            if let Some(status) = error.status {
                span.set(KeyValue::new("http.response.status_code", i64::from(status)));
            }
            span.set(KeyValue::new("error.type", error.code.clone()));
            span.fail(error.to_string());
        }
    }
    result
}
