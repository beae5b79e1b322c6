//! What a failed call means: the error table.

use std::{error::Error, time::Duration};

use service::grpc::code_name;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Shown, oversize, wire::Note};

/// A call that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// What happened, for people. Executors' own words, never property values of ours.
    pub(crate) problem: String,
    /// The code that the executor sent, or that stands for our time-out.
    pub(crate) code: Option<Code>,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An answer of its own: the business error with this code.
    Business { code: String },
    /// The executor is away or asks for patience: again until the deadline. It may name the wait.
    Away { wait: Option<Duration> },
    /// It broke off, perhaps because of this job: three more tries.
    Broke,
    /// It isn't deployed as its definition says: again for a quarter of an hour.
    Deployment,
}

impl Failure {
    pub(crate) fn new(kind: Kind, problem: impl Into<String>) -> Self {
        Self {
            kind,
            problem: problem.into(),
            code: None,
        }
    }

    /// The code's name, or one word for what came instead.
    pub(crate) fn name(&self) -> &'static str {
        match (self.code, &self.kind) {
            (Some(code), _) => code_name(code),
            (None, Kind::Business { .. }) => "UNUSABLE_ANSWER",
            (None, Kind::Away { .. }) => "UNREACHABLE",
            (None, Kind::Broke) => "BROKEN_OFF",
            (None, Kind::Deployment) => "NOT_DEPLOYED",
        }
    }

    /// What it shows of the executor.
    pub(crate) fn shows(&self) -> Shown {
        match (&self.kind, self.code) {
            (Kind::Away { .. }, None) => Shown::Away,
            (Kind::Away { .. }, Some(_)) => Shown::Busy,
            _ => Shown::Well,
        }
    }

    /// Our own refusal: mapping, codec, size.
    pub(crate) fn ours(problem: impl Into<String>) -> Self {
        Self::new(
            Kind::Business {
                code: "INVALID_ARGUMENT".into(),
            },
            problem,
        )
    }

    /// Our own time-out, whatever the library calls it.
    pub(super) fn late(limit: Duration) -> Self {
        let mut late = Self::new(Kind::Away { wait: None }, format!("no answer within {limit:?}"));
        late.code = Some(Code::DeadlineExceeded);
        late
    }

    /// What the client reports, in the light of what came over the wire.
    pub(super) fn of(status: &Status, note: &Note) -> Self {
        if note.unreadable() {
            return Self::ours(status.message());
        }
        if note.grpc_status() {
            let failure = if oversize::is_refusal(status) {
                Self::ours(format!("a message is too large for the executor: {}", status.message()))
            } else {
                Self::of_executor(status)
            };
            return Self {
                code: Some(status.code()),
                ..failure
            };
        }
        if status.code() == Code::OutOfRange {
            // Only our size limit says this without the executor.
            return Self::ours(format!("the executor's response is too large: {}", status.message()));
        }
        match note.http_status() {
            Some(200) | None => {}
            Some(413) => {
                return Self::ours("the request is too large for what is in front of the executor: HTTP status 413");
            }
            Some(http @ (429 | 502 | 503 | 504)) => {
                return Self::new(
                    Kind::Away { wait: None },
                    format!("HTTP status {http} instead of a gRPC answer"),
                );
            }
            Some(http) => {
                let kind = if matches!(http, 401 | 403 | 404) {
                    Kind::Deployment
                } else {
                    Kind::Broke
                };
                return Self::new(kind, format!("HTTP status {http} instead of a gRPC answer"));
            }
        }
        let cause = innermost(status);
        if note.sent() && !refused_by_peer(status) {
            Self::new(Kind::Broke, format!("the connection broke during the call: {cause}"))
        } else {
            Self::new(
                Kind::Away { wait: None },
                format!("the executor can't be reached: {cause}"),
            )
        }
    }

    fn of_executor(status: &Status) -> Self {
        let code = status.code();
        let problem = if status.message().is_empty() {
            format!("{}: {}", code_name(code), code.description())
        } else {
            format!("{}: {}", code_name(code), status.message())
        };
        let kind = match code {
            Code::InvalidArgument
            | Code::NotFound
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::AlreadyExists => {
                let reason = status
                    .get_details_error_info()
                    .map(|info| info.reason)
                    .filter(|reason| !reason.is_empty());
                let text = if status.message().is_empty() {
                    code.description()
                } else {
                    status.message()
                };
                let kind = Kind::Business {
                    code: reason.unwrap_or_else(|| code_name(code).into()),
                };
                return Self::new(kind, text);
            }
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Aborted => Kind::Away {
                wait: status.get_details_retry_info().and_then(|info| info.retry_delay),
            },
            Code::Unimplemented | Code::Unauthenticated | Code::PermissionDenied => Kind::Deployment,
            Code::Internal | Code::Unknown | Code::DataLoss | Code::Cancelled | Code::Ok => Kind::Broke,
        };
        Self::new(kind, problem)
    }
}

fn sources(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(status.source(), |error: &&(dyn Error + 'static)| (*error).source())
}

fn innermost(status: &Status) -> String {
    sources(status)
        .last()
        .map_or_else(|| status.message().to_owned(), ToString::to_string)
}

/// The peer says that it has not worked on the call: a drained connection, a refused stream.
fn refused_by_peer(status: &Status) -> bool {
    sources(status)
        .filter_map(|error| error.downcast_ref::<h2::Error>())
        .any(|error| error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_codes() {
        for (code, expected) in [
            (Code::InvalidArgument, "business"),
            (Code::NotFound, "business"),
            (Code::FailedPrecondition, "business"),
            (Code::OutOfRange, "business"),
            (Code::AlreadyExists, "business"),
            (Code::Unavailable, "away"),
            (Code::DeadlineExceeded, "away"),
            (Code::ResourceExhausted, "away"),
            (Code::Aborted, "away"),
            (Code::Unimplemented, "deployment"),
            (Code::Unauthenticated, "deployment"),
            (Code::PermissionDenied, "deployment"),
            (Code::Internal, "broke"),
            (Code::Unknown, "broke"),
            (Code::DataLoss, "broke"),
            (Code::Cancelled, "broke"),
        ] {
            let failure = Failure::of(&Status::new(code, "why"), &Note::of(200, &["sent", "status"]));
            assert_eq!(class(&failure), expected, "{code:?}");
            assert!(failure.problem.contains("why"));
        }
    }

    #[test]
    fn without_a_grpc_status_the_code_says_nothing() {
        // What the client library makes of each case, and what was on the wire.
        for (code, http, flags, expected) in [
            (Code::Unavailable, 0, &[][..], "away"),
            (Code::Cancelled, 0, &[], "away"),
            (Code::Unknown, 0, &["sent"], "broke"),
            (Code::Cancelled, 0, &["sent"], "broke"),
            (Code::Unknown, 200, &["sent"], "broke"),
            (Code::Internal, 502, &["sent"], "away"),
            (Code::Internal, 503, &["sent"], "away"),
            (Code::Unknown, 429, &["sent"], "away"),
            (Code::Unknown, 504, &["sent"], "away"),
            (Code::Unknown, 401, &["sent"], "deployment"),
            (Code::Internal, 403, &["sent"], "deployment"),
            (Code::Unimplemented, 404, &["sent"], "deployment"),
            (Code::Unknown, 500, &["sent"], "broke"),
            (Code::InvalidArgument, 400, &["sent"], "broke"),
            (Code::Unknown, 413, &["sent"], "business"),
            (Code::OutOfRange, 200, &["sent"], "business"),
            (Code::Internal, 200, &["sent", "unreadable"], "business"),
            (Code::Internal, 200, &["sent", "unreadable", "status"], "business"),
        ] {
            let failure = Failure::of(&Status::new(code, "why"), &Note::of(http, flags));
            assert_eq!(class(&failure), expected, "{code:?} {http} {flags:?}");
        }
    }

    #[test]
    fn a_message_that_is_too_large_is_not_sent_again() {
        let text = "grpc: received message larger than max (5242880 vs. 4194304)";
        let failure = Failure::of(&Status::resource_exhausted(text), &Note::of(200, &["sent", "status"]));
        let expected = Failure {
            kind: Kind::Business {
                code: "INVALID_ARGUMENT".into(),
            },
            problem: format!("a message is too large for the executor: {text}"),
            code: Some(Code::ResourceExhausted),
        };
        assert_eq!(failure, expected);
    }

    #[test]
    fn details_name_the_reason_and_the_wait() {
        use tonic_types::ErrorDetails;
        let note = Note::of(200, &["status"]);
        let details = ErrorDetails::with_error_info("EMPTY_TEXT", "demo", [("k".to_owned(), "v".to_owned())]);
        let status = Status::with_error_details(Code::InvalidArgument, "the text is empty", details);
        let expected = Failure {
            kind: Kind::Business {
                code: "EMPTY_TEXT".into(),
            },
            problem: "the text is empty".into(),
            code: Some(Code::InvalidArgument),
        };
        assert_eq!(Failure::of(&status, &note), expected);

        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
        let status = Status::with_error_details(Code::ResourceExhausted, "busy", details);
        assert_eq!(
            Failure::of(&status, &note).kind,
            Kind::Away {
                wait: Some(Duration::from_secs(7))
            }
        );
    }

    fn class(failure: &Failure) -> &'static str {
        match failure.kind {
            Kind::Business { .. } => "business",
            Kind::Away { .. } => "away",
            Kind::Broke => "broke",
            Kind::Deployment => "deployment",
        }
    }
}
