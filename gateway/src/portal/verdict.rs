//! What a portal's reply to `event.send` means: the second error table.

use std::time::Duration;

use bitrix::rest::{CallError, ErrorKind, Retry};

/// What to do about a refused answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The access token has expired: once more with another.
    Token,
    /// The event token is foreign or damaged: it needs a person.
    Forbidden,
    /// The workflow no longer exists.
    WorkflowGone,
    /// The workflow is locked: again after 1, 5, 10 minutes.
    Busy,
    /// The portal no longer exists, or the app is not installed on it: the registrar's word, after the OAuth server's. A portal's
    /// alone may pass.
    PortalGone,
    /// The portal fails: it pauses for at least this long.
    Pause(Duration),
    /// The portal serves nobody for now: it pauses for at least this long, and the registrar looks.
    Closed(Duration),
    /// The app may not work there until its administrator does something: it pauses, and the registrar looks.
    Barred,
    /// This answer isn't taken for an unknown reason: again with back-off.
    Again,
}

impl Verdict {
    pub(crate) fn of(error: &CallError) -> Self {
        let least = match error.retry() {
            Retry::Later(least) => least,
            _ => Duration::ZERO,
        };
        match error.kind {
            ErrorKind::TokenExpired | ErrorKind::TokenInvalid => Self::Token,
            ErrorKind::AccessDenied if error.denies_event_token() => Self::Forbidden,
            ErrorKind::WorkflowGone => Self::WorkflowGone,
            ErrorKind::WorkflowBusy => Self::Busy,
            ErrorKind::PortalDeleted | ErrorKind::Closed => Self::Closed(least),
            ErrorKind::RateLimited
            | ErrorKind::OperationTimeLimit
            | ErrorKind::Overloaded
            | ErrorKind::ServerError
            | ErrorKind::AuthServerDown
            | ErrorKind::Moved
            | ErrorKind::Malformed
            | ErrorKind::TooLarge
            | ErrorKind::Unreachable
            | ErrorKind::TimedOut
            | ErrorKind::Broken => Self::Pause(least),
            ErrorKind::NotInstalled
            | ErrorKind::ApplicationNotFound
            | ErrorKind::AccessDenied
            | ErrorKind::PaymentRequired
            | ErrorKind::UserDenied
            | ErrorKind::ScopeMissing
            | ErrorKind::MethodNotFound
            | ErrorKind::WrongAuthType => Self::Barred,
            _ => Self::Again,
        }
    }
}

impl Verdict {
    /// Whether it is about the portal: all its answers wait.
    pub(crate) fn pauses(&self) -> bool {
        matches!(self, Self::Pause(_) | Self::Closed(_) | Self::Barred)
    }

    /// The label in metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Token => "token_rejected",
            Self::Forbidden => "forbidden",
            Self::WorkflowGone => "workflow_gone",
            Self::Busy => "workflow_busy",
            Self::PortalGone => "portal_gone",
            Self::Pause(_) => "portal_in_trouble",
            Self::Closed(_) => "portal_closed",
            Self::Barred => "barred",
            Self::Again => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use bitrix::rest::decode_reply;
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn the_table() {
        let seconds = |seconds| Verdict::Pause(Duration::from_secs(seconds));
        let closed = Verdict::Closed(Duration::from_secs(15));
        for (status, body, expected) in [
            (
                401,
                r#"{"error":"expired_token","error_description":"…"}"#,
                Verdict::Token,
            ),
            (401, r#"{"error":"invalid_token"}"#, Verdict::Token),
            (
                403,
                r#"{"error":"ACCESS_DENIED","error_description":"Access denied!"}"#,
                Verdict::Forbidden,
            ),
            (400, r#"{"error":"404"}"#, Verdict::WorkflowGone),
            (400, r#"{"error":423}"#, Verdict::Busy),
            (403, r#"{"error":"PORTAL_DELETED"}"#, closed.clone()),
            (200, r#"{"error":"PORTAL_DELETED"}"#, closed.clone()),
            (
                401,
                r#"{"error":"ERROR_OAUTH","error_description":"<b>Превышена дисковая квота</b>"}"#,
                closed.clone(),
            ),
            (
                401,
                r#"{"error":"ERROR_OAUTH","error_description":"Application not installed"}"#,
                Verdict::Barred,
            ),
            (
                403,
                r#"{"error":"ACCESS_DENIED","error_description":"REST is available only on commercial plans."}"#,
                Verdict::Barred,
            ),
            (
                403,
                r#"{"error":"ACCESS_DENIED","error_description":"Current user can't be authorized in this context"}"#,
                Verdict::Barred,
            ),
            (401, r#"{"error":"APPLICATION_NOT_FOUND"}"#, Verdict::Barred),
            (401, r#"{"error":"NOT_INSTALLED"}"#, Verdict::Barred),
            (429, r#"{"error":"OPERATION_TIME_LIMIT"}"#, seconds(60)),
            (503, r#"{"error":"QUERY_LIMIT_EXCEEDED"}"#, seconds(1)),
            (503, "<html>busy</html>", seconds(10)),
            (502, "<html>bad gateway</html>", seconds(5)),
            (500, r#"{"error":"INTERNAL_SERVER_ERROR"}"#, seconds(5)),
            (200, "<html>login</html>", seconds(5)),
            (302, "", Verdict::Pause(Duration::ZERO)),
            (401, r#"{"error":"PAYMENT_REQUIRED"}"#, Verdict::Barred),
            (401, r#"{"error":"authorization_error"}"#, Verdict::Barred),
            (404, r#"{"error":"ERROR_METHOD_NOT_FOUND"}"#, Verdict::Barred),
            (400, r#"{"error":"ERROR_CORE"}"#, Verdict::Again),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = decode_reply(status, &HeaderMap::new(), body.as_bytes()).unwrap_err();
            assert_eq!(Verdict::of(&error), expected, "{status} {body}");
        }
    }
}
