//! Why requests are refused, and the one place that makes an HTTP answer of it.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bitrix::post::PostError;

/// Why a request is not taken. A portal ignores the body; it is for the person who looks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "there is nothing at this address; callbacks go to /bitrix/APP/activity/REVISION, events to /bitrix/APP/event, the app's page is /bitrix/APP/page"
    )]
    NoSuchPath,
    #[error("no app has this name; see the registrar's configuration, `[registrar.apps.NAME]`")]
    NoSuchApp,
    #[error("this address takes POST requests only")]
    Method,
    #[error("the content type must be application/x-www-form-urlencoded, as a portal sends it")]
    ContentType,
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body did not arrive in time")]
    Slow,
    #[error("the body did not arrive whole")]
    CutOff,
    #[error("{0}")]
    Body(PostError),
    #[error("too many callbacks and events wait for their proof")]
    QuarantineFull,
    #[error("too many bodies at once")]
    Busy,
    #[error("too many requests at once from one address")]
    SourceBusy,
    #[error("the store can't be written to now")]
    Store,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath | Self::NoSuchApp => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Body(error) if error.is_too_large() => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CutOff | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::QuarantineFull | Self::Busy | Self::SourceBusy | Self::Store => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The name in metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoSuchPath => "path",
            Self::NoSuchApp => "app",
            Self::Method => "method",
            Self::ContentType => "content_type",
            Self::TooLarge { .. } => "too_large",
            Self::Slow => "slow",
            Self::CutOff => "cut_off",
            Self::Body(PostError::Empty) => "empty",
            Self::Body(PostError::Form(_)) => "form",
            Self::Body(PostError::Foreign) => "foreign",
            Self::Body(PostError::Message) => "message",
            Self::Body(PostError::Missing { .. }) => "missing_field",
            Self::Body(PostError::BadUtf8 { .. }) => "bad_utf8",
            Self::QuarantineFull => "quarantine_full",
            Self::Busy => "busy",
            Self::SourceBusy => "source_busy",
            Self::Store => "store",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status(), format!("{self}\n")).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Method => drop(headers.insert(header::ALLOW, HeaderValue::from_static("POST"))),
            // What is left of the body must not be read as the next request.
            Self::TooLarge { .. } | Self::Slow | Self::CutOff | Self::Busy | Self::SourceBusy => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}
