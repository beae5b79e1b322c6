use std::time::Duration;

/// What went wrong, by the error code of the portal or OAuth server, else by what came over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `expired_token`: the access token's hour is over.
    TokenExpired,
    /// `invalid_token`, `NO_AUTH_FOUND`: the token is unknown. Portals say the latter now and then of a token that is good.
    TokenInvalid,
    /// `invalid_grant`, `bad_verification_code`: the refresh token or code is used, expired or not ours.
    InvalidGrant,
    /// `invalid_client`, `wrong_client` (the latter with status 200): client id or secret is wrong.
    InvalidClient,
    /// `invalid_request`: the OAuth server misses a parameter, or the portal wants https.
    InvalidRequest,
    /// `authorization_error`, `user_access_error`, `ACCESS_DENIED` with a text about the user: dismissed or blocked, and may be
    /// let in again.
    UserDenied,
    /// `insufficient_scope`, `invalid_scope`: the application lacks the method's scope.
    ScopeMissing,
    /// Any other `ACCESS_DENIED`: no administrator, no application context, or a foreign event token
    /// ([`CallError::denies_event_token`](super::CallError::denies_event_token)).
    AccessDenied,
    /// `WRONG_AUTH_TYPE`: the method wants another kind of authorisation.
    WrongAuthType,
    /// `NOT_INSTALLED`, `ERROR_OAUTH` with the text for it: the application isn't installed on the portal.
    NotInstalled,
    /// `APPLICATION_NOT_FOUND`: the application was deleted or is inactive.
    ApplicationNotFound,
    /// `PAYMENT_REQUIRED`, `ACCESS_DENIED` with a text about the plan: the subscription has ended, or has no REST.
    PaymentRequired,
    /// `PORTAL_DELETED`: of a portal, that its public part is closed for now. Only the OAuth server's word is about good.
    PortalDeleted,
    /// The portal serves nobody, or not this user, for now: `ERROR_OAUTH` with any other text (a full disk, in the portal's
    /// language), `verification_needed`, `PORTAL_BLOCKED_BY_LICENSE_SCANNER`, `allowed_only_intranet_user`,
    /// `INVALID_CREDENTIALS`.
    Closed,
    /// `CONNECTION_ERROR`: the portal can't reach the OAuth server.
    AuthServerDown,
    /// `ERROR_METHOD_NOT_FOUND`: also what a plan without business processes says.
    MethodNotFound,
    /// `ERROR_ACTIVITY_ALREADY_INSTALLED`, or the SQL race of two `add`s: the code exists, as activity or robot.
    AlreadyInstalled,
    /// `ERROR_ACTIVITY_NOT_FOUND`: no activity (robot) of that code.
    ActivityNotFound,
    /// `Handler already binded`: `event.bind` of what is bound, or a placement handler in use.
    AlreadyBound,
    /// Parameters that the method refuses: validation, handler URL, lengths, an unknown event.
    InvalidParameters,
    /// The error code `404`: the workflow is finished, terminated or unknown.
    WorkflowGone,
    /// The error code `423`: the workflow is locked by another request.
    WorkflowBusy,
    /// `QUERY_LIMIT_EXCEEDED`, or status 429: too many requests a second.
    RateLimited,
    /// `OPERATION_TIME_LIMIT`: the method's minutes for this quarter of an hour are used up.
    OperationTimeLimit,
    /// `OVERLOAD_LIMIT`, or status 503.
    Overloaded,
    /// `INTERNAL_SERVER_ERROR`, `ERROR_UNEXPECTED_ANSWER`, or any other status of 500 and above.
    ServerError,
    /// `ERROR_BATCH_LENGTH_EXCEEDED`, `ERROR_BATCH_METHOD_NOT_ALLOWED`.
    BatchRefused,
    /// A command of a batch that has no result: one before it failed and the batch was to halt.
    NotExecuted,
    /// Any other code, the empty one and `ERROR_CORE` too.
    Other,
    /// A redirect, never followed: the portal has another address.
    Moved,
    /// The reply is no JSON, or JSON without what it must have: HTML, empty, cut off.
    Malformed,
    /// The reply is larger than the client takes.
    TooLarge,
    /// No connection.
    Unreachable,
    /// No (whole) reply in time. The call may have had its effect.
    TimedOut,
    /// The connection broke. The call may have had its effect.
    Broken,
    /// The call was never sent: what we were asked to send is wrong.
    NotSent,
}

/// What to do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing: the same call fails again.
    Never,
    /// Get a new access token, then once more.
    RefreshToken,
    /// There is no such installation any longer, or it may not work: stop calling, tell the registrar.
    Gone,
    /// Ask the OAuth server for the portal's address (`app.info`), then again.
    FindPortal,
    /// Again after at least this long, backing off from there.
    Later(Duration),
}

impl ErrorKind {
    /// The decision for this kind; [`super::CallError::retry`] also knows a `Retry-After`.
    pub fn retry(self) -> Retry {
        const fn seconds(seconds: u64) -> Retry {
            Retry::Later(Duration::from_secs(seconds))
        }
        match self {
            Self::TokenExpired | Self::TokenInvalid => Retry::RefreshToken,
            Self::NotInstalled | Self::ApplicationNotFound | Self::PaymentRequired => Retry::Gone,
            Self::Moved => Retry::FindPortal,
            // The portal's leaky bucket loses two calls a second.
            Self::RateLimited | Self::Unreachable | Self::TimedOut | Self::Broken | Self::NotExecuted => seconds(1),
            Self::ServerError | Self::Malformed | Self::AuthServerDown => seconds(5),
            Self::Overloaded => seconds(10),
            // Somebody has to do something first: pay, empty a disk, open the portal again.
            Self::PortalDeleted | Self::Closed => seconds(15),
            // Operating time is counted in buckets of a minute; a lock is held as long as the workflow runs.
            Self::OperationTimeLimit | Self::WorkflowBusy => seconds(60),
            Self::InvalidGrant
            | Self::InvalidClient
            | Self::InvalidRequest
            | Self::UserDenied
            | Self::ScopeMissing
            | Self::AccessDenied
            | Self::WrongAuthType
            | Self::MethodNotFound
            | Self::AlreadyInstalled
            | Self::ActivityNotFound
            | Self::AlreadyBound
            | Self::InvalidParameters
            | Self::WorkflowGone
            | Self::BatchRefused
            | Self::Other
            | Self::TooLarge
            | Self::NotSent => Retry::Never,
        }
    }

    /// By the error code; the description tells apart what servers report under one code.
    pub(super) fn of_code(code: &str, description: &str, status: u16) -> Self {
        match code.to_ascii_uppercase().as_str() {
            "EXPIRED_TOKEN" => Self::TokenExpired,
            "INVALID_TOKEN" | "NO_AUTH_FOUND" => Self::TokenInvalid,
            "INVALID_GRANT" | "BAD_VERIFICATION_CODE" => Self::InvalidGrant,
            "INVALID_CLIENT" | "WRONG_CLIENT" => Self::InvalidClient,
            "INVALID_REQUEST" => Self::InvalidRequest,
            "AUTHORIZATION_ERROR" | "USER_ACCESS_ERROR" => Self::UserDenied,
            "INSUFFICIENT_SCOPE" | "INVALID_SCOPE" => Self::ScopeMissing,
            "ACCESS_DENIED" => Self::of_denial(description),
            "WRONG_AUTH_TYPE" => Self::WrongAuthType,
            "NOT_INSTALLED" => Self::NotInstalled,
            "ERROR_OAUTH" if description.contains("Application not installed") => Self::NotInstalled,
            "ERROR_OAUTH"
            | "INVALID_CREDENTIALS"
            | "VERIFICATION_NEEDED"
            | "PORTAL_BLOCKED_BY_LICENSE_SCANNER"
            | "ALLOWED_ONLY_INTRANET_USER" => Self::Closed,
            "APPLICATION_NOT_FOUND" => Self::ApplicationNotFound,
            "PAYMENT_REQUIRED" => Self::PaymentRequired,
            "PORTAL_DELETED" => Self::PortalDeleted,
            "CONNECTION_ERROR" => Self::AuthServerDown,
            "ERROR_METHOD_NOT_FOUND" => Self::MethodNotFound,
            "ERROR_ACTIVITY_ALREADY_INSTALLED" => Self::AlreadyInstalled,
            "ERROR_ACTIVITY_ADD_FAILURE" if description.contains("already added") => Self::AlreadyInstalled,
            "ERROR_ACTIVITY_NOT_FOUND" => Self::ActivityNotFound,
            "ERROR_CORE" if description.contains("already binded") => Self::AlreadyBound,
            "ERROR_ACTIVITY_VALIDATION_FAILURE"
            | "ERROR_ACTIVITY_ADD_FAILURE"
            | "ERROR_WRONG_HANDLER_URL"
            | "ERROR_UNSUPPORTED_PROTOCOL"
            | "ERROR_HANDLER_URL_MATCH"
            | "ERROR_EMPTY_LOG_MESSAGE"
            | "ERROR_SELECT_VALIDATION_FAILURE"
            | "ERROR_WRONG_WORKFLOW_ID"
            | "ERROR_EVENT_NOT_FOUND"
            | "ERROR_ARGUMENT" => Self::InvalidParameters,
            "404" => Self::WorkflowGone,
            "423" => Self::WorkflowBusy,
            "QUERY_LIMIT_EXCEEDED" => Self::RateLimited,
            "OPERATION_TIME_LIMIT" => Self::OperationTimeLimit,
            "OVERLOAD_LIMIT" => Self::Overloaded,
            "INTERNAL_SERVER_ERROR" | "ERROR_UNEXPECTED_ANSWER" => Self::ServerError,
            "ERROR_BATCH_LENGTH_EXCEEDED" | "ERROR_BATCH_METHOD_NOT_ALLOWED" => Self::BatchRefused,
            _ => Self::of_status(status).unwrap_or(Self::Other),
        }
    }

    /// What an `ACCESS_DENIED` is about, by its text.
    fn of_denial(description: &str) -> Self {
        if description.contains("available only on commercial plans") {
            Self::PaymentRequired
        } else if description.contains("user can't be authorized") {
            Self::UserDenied
        } else {
            Self::AccessDenied
        }
    }

    /// By the status alone, where it says enough.
    pub(super) fn of_status(status: u16) -> Option<Self> {
        match status {
            429 => Some(Self::RateLimited),
            503 => Some(Self::Overloaded),
            500.. => Some(Self::ServerError),
            _ => None,
        }
    }
}
