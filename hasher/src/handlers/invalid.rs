//! The one error of a wrong request.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// `INVALID_ARGUMENT` with the field as `google.rpc.BadRequest` and `reason` as `google.rpc.ErrorInfo`, which is what a
/// workflow gets as error code.
pub(super) fn invalid(field: &str, reason: &str, problem: impl Into<String>) -> Status {
    let problem = problem.into();
    let message = format!("{field}: {problem}");
    let mut details = ErrorDetails::with_bad_request_violation(field, problem);
    details.set_error_info(reason, "hasher.v1.Hasher", [("field".to_owned(), field.to_owned())]);
    Status::with_error_details(Code::InvalidArgument, message, details)
}
