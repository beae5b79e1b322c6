//! Access tokens: issued by the registrar, cached until they expire, one request for all jobs that wait.

use std::{sync::Arc, time::Duration};

use bitrix::rest::method_url;
use http::Uri;
use proto::registrar::v1::{IssueTokenRequest, IssueTokenResponse};
use service::{
    Secret, SharedClock, system_time,
    telemetry::{self, SpanContext},
};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tonic::Code;

use super::{Portal, rows};
use crate::{
    job::{Job, Millis},
    registrar::{ISSUE_TOKEN, Registrar, ended},
    timeline::Timeline,
    trace::Server,
};

/// How an answer is sent.
pub(super) const EVENT_SEND: &str = "bizproc.event.send";

/// A token is not used any more this long before it expires: a call takes time, and clocks differ.
const MARGIN: Duration = Duration::from_mins(1);

/// The token of an app on a portal.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Option<Arc<Token>>>);

/// A token and the address that it is for.
pub(super) struct Token {
    pub(super) access: Secret,
    expires: Millis,
    /// Methods of the portal that the OAuth server named.
    pub(super) methods: Methods,
    pub(super) server: Server,
    /// The span of the call that brought it: in the trace of the job that needed it first.
    pub(super) issued: SpanContext,
}

/// Addresses of the methods that answers need.
pub(super) struct Methods {
    pub(super) event_send: Uri,
    pub(super) batch: Uri,
    pub(super) instances: Uri,
    /// For spans, which share them.
    event_send_url: Arc<str>,
    batch_url: Arc<str>,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoToken {
    /// The portal no longer exists, or the app is not installed on it.
    Gone(String),
    /// Not until an administrator opens the app, or the registrar is back.
    NotNow(String),
}

impl Tokens {
    /// A token other than `rejected`. The call that brings it, if there must be one, is noted with a job.
    pub(super) async fn get(
        &self,
        registrar: &Registrar,
        clock: &SharedClock,
        portal: &Portal,
        rejected: Option<&Token>,
        job: Option<(&Job, &mut Timeline)>,
    ) -> Result<Arc<Token>, NoToken> {
        // Held over the request: whoever else waits gets its result.
        let mut current = self.0.lock().await;
        let start = clock.now();
        let now = Millis::from(start);
        if let Some(token) = &*current
            && token.expires > now.after(MARGIN)
            && rejected.is_none_or(|rejected| rejected.access != token.access)
        {
            return Ok(token.clone());
        }
        let request = IssueTokenRequest {
            app: portal.app.clone(),
            member_id: portal.member_id.clone(),
            rejected_sha256: rejected
                .map(|token| Sha256::digest(token.access.expose()).to_vec())
                .unwrap_or_default(),
        };
        let id = telemetry::span_id();
        let span = job.as_ref().map_or(SpanContext::NONE, |(job, _)| job.trace.context(id));
        let issued = Box::pin(registrar.issue_token(request, &span)).await;
        if let Some((job, timeline)) = job
            && job.trace.sampled
        {
            let mut attributes = registrar.attributes(ISSUE_TOKEN);
            attributes.extend(ended(&issued));
            let when = (system_time(start), system_time(clock.now()));
            timeline.client(job.trace, ISSUE_TOKEN, id, when, attributes).problem =
                issued.as_ref().err().map(|status| status.message().to_owned());
        }
        let response = issued.map_err(|status| {
            *current = None;
            refusal(&status)
        })?;
        let token = Arc::new(Token::of(response, now, span).map_err(NoToken::NotNow)?);
        *current = Some(token.clone());
        Ok(token)
    }

    /// The registrar is asked again: the portal has another address, or does not take the token's user.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

impl Token {
    fn of(response: IssueTokenResponse, now: Millis, issued: SpanContext) -> Result<Self, String> {
        let wrong = |what: String| {
            format!(
                "the registrar issued a token for {:?}: {what}",
                response.client_endpoint
            )
        };
        let endpoint = response
            .client_endpoint
            .parse()
            .map_err(|error| wrong(format!("{error}")))?;
        let method = |name| {
            let url = method_url(&endpoint, name).map_err(|error| wrong(error.to_string()))?;
            let uri: Uri = url.as_str().parse().map_err(|error| wrong(format!("{error}")))?;
            Ok::<_, String>((uri, Arc::from(url.as_str())))
        };
        let (event_send, event_send_url) = method(EVENT_SEND)?;
        let (batch, batch_url) = method("batch")?;
        let (instances, _) = method(rows::METHOD)?;
        let expires = response
            .expires
            .map_or(now.after(2 * MARGIN), |end| Millis(end.seconds.saturating_mul(1000)));
        Ok(Self {
            access: Secret::from(response.access_token),
            expires,
            server: Server::of(&event_send),
            methods: Methods {
                event_send,
                batch,
                instances,
                event_send_url,
                batch_url,
            },
            issued,
        })
    }
}

impl Methods {
    /// The address that an answer goes to, alone or with others.
    pub(super) fn url(&self, alone: bool) -> Arc<str> {
        if alone {
            self.event_send_url.clone()
        } else {
            self.batch_url.clone()
        }
    }
}

fn refusal(status: &tonic::Status) -> NoToken {
    use tonic_types::StatusExt;
    let text = format!("no access token: {}", status.message());
    let reason = status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default();
    match (status.code(), reason.as_str()) {
        (Code::FailedPrecondition, "PORTAL_GONE" | "UNINSTALLED") => NoToken::Gone(text),
        _ => NoToken::NotNow(text),
    }
}
