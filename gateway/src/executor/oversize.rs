//! Whether an executor refused a message for its size. No code says so: the libraries use the codes of a quota or of a range,
//! and only their texts differ.

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What the libraries say, in lower case: each text has all parts of one line, in this order.
const TEXTS: [&[&str]; 8] = [
    // grpc-go, grpc-core (Python, C++, Ruby), grpc-node: `Received message larger than max (5242880 vs. 4194304)`.
    &["message larger than max"],
    &["message after decompression larger than max"],
    // grpc-java: `gRPC message exceeds maximum size 4194304: 5242880`.
    &["grpc message exceeds maximum size"],
    // grpc-dotnet.
    &["message exceeds the maximum configured message size"],
    // grpc-node.
    &["message that decompresses to a size larger than"],
    &["attempted to send message with a size larger than"],
    // tonic: `Error, decoded message length too large: found 5242880 bytes, the limit is: 4194304 bytes`.
    &["message length too large: found", "the limit is"],
    // connect-go: `message size 5242880 is larger than configured max 4194304`.
    &["message size", "is larger than configured max"],
];

/// The executor's own status refuses a message for its size, so that a repeat is refused, too.
pub(super) fn is_refusal(status: &Status) -> bool {
    matches!(status.code(), Code::ResourceExhausted | Code::OutOfRange)
        && names_a_size(&status.message().to_lowercase())
        // Who names a wait means a quota.
        && status.get_details_retry_info().is_none()
}

fn names_a_size(text: &str) -> bool {
    TEXTS.iter().any(|parts| {
        let mut rest = Some(text);
        for part in *parts {
            rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, rest)| rest);
        }
        rest.is_some()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn what_the_libraries_say() {
        for text in [
            "grpc: received message larger than max (5242880 vs. 4194304)",
            "grpc: received message after decompression larger than max (5242880 vs. 4194304)",
            "trying to send message larger than max (5242880 vs. 4194304)",
            "Received message larger than max (5242880 vs. 4194304)",
            "SERVER: Received message larger than max (5242880 vs. 4194304)",
            "Sent message larger than max (5242880 vs. 4194304)",
            "Received message larger than max (5242880 vs 4194304)",
            "Received message that decompresses to a size larger than 4194304",
            "Attempted to send message with a size larger than 4194304",
            "gRPC message exceeds maximum size 4194304: 5242880",
            "Decompressed gRPC message exceeds maximum size 4194304",
            "Received message exceeds the maximum configured message size.",
            "Sending message exceeds the maximum configured message size.",
            "Error, decoded message length too large: found 5242880 bytes, the limit is: 4194304 bytes",
            "Error, encoded message length too large: found 5242880 bytes, the limit is: 4194304 bytes",
            "message size 5242880 is larger than configured max 4194304",
        ] {
            for code in [Code::ResourceExhausted, Code::OutOfRange] {
                assert!(is_refusal(&Status::new(code, text)), "{text}");
            }
            assert!(!is_refusal(&Status::unavailable(text)), "{text}");
        }
    }

    #[test]
    fn a_quota_is_no_size() {
        for text in [
            "",
            "too many requests",
            "the queue of messages is larger than usual",
            "quota exceeded: 1000 messages, the limit is 1000",
            "Bandwidth exhausted or memory limit exceeded",
            "is larger than configured max: message size",
        ] {
            assert!(!is_refusal(&Status::resource_exhausted(text)), "{text}");
        }
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
        let text = "Received message larger than max (5 vs. 4)";
        assert!(!is_refusal(&Status::with_error_details(
            Code::ResourceExhausted,
            text,
            details
        )));
    }
}
