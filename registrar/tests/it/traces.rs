//! Spans and metrics.

use service::{Telemetry, telemetry::SpanKind};

use crate::harness::Harness;

#[tokio::test]
async fn calls_to_portals_are_in_the_trace_of_the_rpc_that_made_them() {
    let mut harness = Harness::prepare().await;
    let (telemetry, spans) = Telemetry::capture();
    harness.telemetry = telemetry;
    harness.define(&[("md5", "MD5")]);
    harness.run().await;
    harness.installed().await;
    harness.stop().await;
    let install = spans.named("registrar.v1.Registrar/Install").unwrap();
    assert_eq!(install.span_kind, SpanKind::Server);
    for name in ["app.info", "profile", "reconcile", "bizproc.activity.add", "event.bind"] {
        let span = spans.named(name).unwrap_or_else(|| panic!("no span {name}"));
        assert_eq!(span.span_context.trace_id(), install.span_context.trace_id(), "{name}");
    }
    let reconcile = spans.named("reconcile").unwrap();
    assert_eq!(
        spans.named("bizproc.activity.add").unwrap().parent_span_id,
        reconcile.span_context.span_id()
    );
    let text = format!("{:?}", spans.finished());
    for secret in [
        "access-secret",
        "refresh-secret",
        "application-token-secret",
        "client-secret",
    ] {
        assert!(!text.contains(secret), "a span holds a secret");
    }
}

#[tokio::test]
async fn metrics_tell_what_goes_on() {
    let harness = Harness::start(&[("md5", "MD5")]).await;
    harness.installed().await;
    harness.advance(4_000);
    harness.issue(None).await.unwrap();
    harness.sync_until(|one| !one.installations.is_empty()).await;
    let client = bitrix::rest::client_builder().build().unwrap();
    let url = format!("{}/metrics", harness.admin());
    let text = client.get(url).send().await.unwrap().text().await.unwrap();
    for line in [
        "registrar_reconciliations_total{result=\"ok\"} 1",
        "registrar_token_refreshes_total{result=\"ok\"} 1",
        "registrar_proofs_total{verdict=\"proved\"} 1",
        "registrar_installations{state=\"active\"} 1",
        "registrar_installations{state=\"token_revoked\"} 0",
        "registrar_token_refreshes_total{result=\"lost\"} 0",
        "registrar_sync_waiters 0",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}
