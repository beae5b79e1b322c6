//! Calls by the generated client.

use proto::hasher::v1::{Algorithm, DigestRequest, Encoding, Md5Request};
use service::telemetry::{KeyValue, SpanKind, Telemetry, traceparent};
use tonic::{Code, Request};
use tonic_types::StatusExt;

use crate::harness::Hasher;

fn digest(algorithm: Algorithm, encoding: Encoding, input: &[&str]) -> DigestRequest {
    let input = input.iter().map(ToString::to_string).collect();
    DigestRequest {
        input,
        algorithm: algorithm.into(),
        encoding: encoding.into(),
    }
}

#[tokio::test]
async fn md5_is_the_lessons() {
    let hasher = Hasher::start().await;
    for (text, md5) in [
        (
            "Тестовый текст: Тест событий для поста в ЖЛ",
            "4bad12db761a7db93a63af80fe200b3b",
        ),
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
    ] {
        let request = Md5Request {
            input_string: text.into(),
        };
        assert_eq!(
            hasher.client().md5(request).await.unwrap().into_inner().output_string,
            md5
        );
    }
    hasher.stop().await;
}

#[tokio::test]
async fn digests_keep_the_order_of_the_texts() {
    let hasher = Hasher::start().await;
    for (algorithm, encoding, digests) in [
        (
            Algorithm::Crc32,
            Encoding::Unspecified,
            ["352441c2", "00000000", "cbf43926"],
        ),
        (Algorithm::Crc32, Encoding::Base64url, ["NSRBwg", "AAAAAA", "y_Q5Jg"]),
        (
            Algorithm::Md5,
            Encoding::Hex,
            [
                "900150983cd24fb0d6963f7d28e17f72",
                "d41d8cd98f00b204e9800998ecf8427e",
                "25f9e794323b453885f5181f1b624d0b",
            ],
        ),
        (
            Algorithm::Sha1,
            Encoding::Base64url,
            [
                "qZk-NkcGgWq6PiVxeFDCbJzQ2J0",
                "2jmj7l5rSw0yVb_vlWAYkK_YBwk",
                "98O8HYCOBHMq32eZZczDTKeuNEE",
            ],
        ),
    ] {
        let request = digest(algorithm, encoding, &["abc", "", "123456789"]);
        assert_eq!(
            hasher.client().digest(request).await.unwrap().into_inner().digests,
            digests,
            "{algorithm:?}"
        );
    }
    hasher.stop().await;
}

#[tokio::test]
async fn a_wrong_request_names_its_field() {
    let hasher = Hasher::start().await;
    let unknown = DigestRequest {
        algorithm: 99,
        ..digest(Algorithm::Md5, Encoding::Hex, &["x"])
    };
    let odd = DigestRequest {
        encoding: 99,
        ..digest(Algorithm::Md5, Encoding::Hex, &["x"])
    };
    for (request, field, reason, message) in [
        (
            digest(Algorithm::Md5, Encoding::Hex, &[]),
            "input",
            "INPUT_EMPTY",
            "input: give at least one text",
        ),
        (
            digest(Algorithm::Unspecified, Encoding::Hex, &["x"]),
            "algorithm",
            "ALGORITHM_UNSPECIFIED",
            "algorithm: choose an algorithm",
        ),
        (
            unknown,
            "algorithm",
            "ALGORITHM_UNKNOWN",
            "algorithm: 99 is no algorithm",
        ),
        (odd, "encoding", "ENCODING_UNKNOWN", "encoding: 99 is no encoding"),
    ] {
        let status = hasher.client().digest(request).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, message));
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
        assert_eq!(details.error_info().unwrap().reason, reason);
    }
    hasher.stop().await;
}

#[tokio::test]
async fn messages_have_a_limit_both_ways() {
    let hasher = Hasher::start_with("hasher.max_message_bytes = 65536", Telemetry::off()).await;
    let status = hasher
        .client()
        .md5(Md5Request {
            input_string: "x".repeat(65536),
        })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert!(status.message().contains("65536"), "{}", status.message());
    // Small texts, large digests.
    let many = vec![""; 1000];
    let status = hasher
        .client()
        .digest(digest(Algorithm::Sha512, Encoding::Hex, &many))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(
        status.get_error_details().error_info().unwrap().reason,
        "INPUT_TOO_LONG"
    );
    // As many as the limit allows do fit.
    let fits = vec![""; 65536 / 131];
    let answer = hasher
        .client()
        .digest(digest(Algorithm::Sha512, Encoding::Hex, &fits))
        .await
        .unwrap();
    assert_eq!(answer.into_inner().digests.len(), fits.len());
    hasher.stop().await;
}

#[tokio::test]
async fn work_for_a_caller_who_is_gone_ends() {
    let hasher = Hasher::start().await;
    let mut request = Request::new(digest(Algorithm::Crc32, Encoding::Base64url, &vec!["x"; 400_000]));
    request.metadata_mut().insert("grpc-timeout", "1n".parse().unwrap());
    let status = hasher.patient_client().await.digest(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    hasher.stop().await;
}

#[tokio::test]
async fn a_call_is_one_span_under_its_caller() {
    let (telemetry, spans) = Telemetry::capture();
    let hasher = Hasher::start_with("", telemetry).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut request = Request::new(digest(Algorithm::Md5, Encoding::Hex, &[]));
    request.metadata_mut().insert("traceparent", parent.parse().unwrap());
    hasher.client().digest(request).await.unwrap_err();
    let mut request = Request::new(Md5Request::default());
    request
        .metadata_mut()
        .insert("traceparent", parent.replace("-01", "-00").parse().unwrap());
    hasher.client().md5(request).await.unwrap();
    let metrics = hasher.admin("/metrics").await;
    hasher.stop().await;

    let finished = spans.finished();
    assert_eq!(
        finished.len(),
        1,
        "the caller of the second did not sample: {finished:?}"
    );
    let (span, parent) = (&finished[0], traceparent::parse(parent).unwrap());
    assert_eq!(span.name, "hasher.v1.Hasher/Digest");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.span_context.trace_id(), parent.trace_id());
    assert_eq!(span.parent_span_id, parent.span_id());
    assert!(span.parent_span_is_remote);
    assert_eq!(
        span.attributes,
        [
            KeyValue::new("rpc.system", "grpc"),
            KeyValue::new("rpc.service", "hasher.v1.Hasher"),
            KeyValue::new("rpc.method", "Digest"),
            KeyValue::new("rpc.grpc.status_code", 3),
        ]
    );
    for line in [
        r#"grpc_server_seconds_count{method="hasher.v1.Hasher/Digest",code="INVALID_ARGUMENT"} 1"#,
        r#"grpc_server_seconds_count{method="hasher.v1.Hasher/Md5",code="OK"} 1"#,
        r#"build_info{service="hasher",version="#,
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn the_admin_port_tells_how_it_is() {
    let hasher = Hasher::start().await;
    assert!(hasher.admin("/live").await.ends_with("\r\nlive\n"));
    assert!(hasher.admin("/ready").await.ends_with("\r\nready\n"));
    hasher.stop().await;
}
