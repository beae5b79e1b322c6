//! Errors as gRPC statuses; the only place that makes them.

use std::{collections::HashMap, time::Duration};

use proto::registrar::v1::InstallationState as State;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    error::Error,
    installation::{Key, TokenError},
    lifecycle::Later,
};

/// When to come again, if nothing better is known.
const RETRY: Duration = Duration::from_secs(10);

pub(super) fn no_app(name: &str) -> Status {
    Status::not_found(format!("no app `{name}` is configured"))
}

pub(super) fn no_installation(key: &Key) -> Status {
    Status::not_found(format!(
        "the app `{}` has no installation on the portal `{}`",
        key.app, key.member_id
    ))
}

pub(super) fn unavailable(problem: &str) -> Status {
    retry(problem, RETRY)
}

/// The caller's request is neither proved nor disproved: it should come again.
pub(super) fn no_budget(wait: Duration) -> Status {
    let problem = format!(
        "too many requests are to be proved at the OAuth server: again in {} s",
        wait.as_secs()
    );
    let details = ErrorDetails::with_retry_info(Some(wait));
    Status::with_error_details(Code::ResourceExhausted, problem, details)
}

pub(super) fn internal(error: impl Into<Error>) -> Status {
    let error = error.into();
    tracing::error!(%error, "a call failed");
    match error {
        // The disk may be full, and be emptied.
        Error::Store(_) | Error::Stopping => unavailable(&error.to_string()),
        Error::Seal(_) | Error::Channel(_) => Status::internal(error.to_string()),
    }
}

pub(super) fn later(later: Later, app: &str) -> Status {
    match later {
        Later::NoApp => no_app(app),
        Later::Unreachable(problem) => unavailable(&problem),
        Later::NoBudget(wait) => no_budget(wait),
        Later::Internal(error) => internal(error),
    }
}

pub(super) fn token(key: &Key, error: TokenError) -> Status {
    match error {
        TokenError::Unknown => no_installation(key),
        TokenError::Lost { state, problem } => {
            let reason = match state {
                State::TokenRevoked => "TOKEN_REVOKED",
                State::PortalGone => "PORTAL_GONE",
                _ => "UNINSTALLED",
            };
            let metadata = HashMap::from([
                ("app".to_owned(), key.app.clone()),
                ("member_id".to_owned(), key.member_id.clone()),
            ]);
            let details = ErrorDetails::with_error_info(reason, "registrar", metadata);
            Status::with_error_details(Code::FailedPrecondition, problem, details)
        }
        TokenError::InDoubt { problem, retry: pause } | TokenError::Unavailable { problem, retry: pause } => {
            retry(&problem, pause)
        }
    }
}

fn retry(problem: &str, pause: Duration) -> Status {
    Status::with_error_details(Code::Unavailable, problem, ErrorDetails::with_retry_info(Some(pause)))
}
