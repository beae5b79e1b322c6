//! The usual path: a callback is answered.

use proto::gateway::v1::{Outcome, State};
use reqwest::StatusCode;
use serde_json::json;
use service::telemetry::SpanData;

use crate::{
    executor::value,
    harness::{Callback, World},
    registrar::MEMBER,
};

#[tokio::test]
async fn a_callback_is_answered() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let callback = Callback::new("Тест");
    assert_eq!(world.callback(&gateway, &callback).await, StatusCode::OK);

    let sent = world.portal.calls(1).await;
    let job = gateway.the_job(State::Sent).await;
    assert_eq!(sent[0]["auth"], "access-1");
    assert_eq!(sent[0]["event_token"], callback.get("event_token"));
    assert_eq!(sent[0]["return_values"], json!({"outputString": value("Тест")}));
    assert_eq!(
        sent[0]["log_message"],
        format!("Answered by job {}, trace {}", job.id, job.trace_id)
    );

    assert_eq!(job.outcome(), Outcome::Answered);
    assert_eq!(job.workflow_id, callback.get("workflow_id"));
    assert_eq!(job.document_id, ["crm", "CCrmDocumentDeal", "DEAL_77"]);
    assert_eq!(
        (job.attempts, job.problem.as_str(), job.member_id.as_str()),
        (1, "", MEMBER)
    );

    let (metadata, text) = world.executor.called().remove(0);
    let get = |name: &str| metadata.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(text, "Тест");
    assert_eq!(get("x-bizproc-job").unwrap(), job.id);
    assert_eq!(get("x-bizproc-workflow").as_deref(), Some(callback.get("workflow_id")));
    assert_eq!(get("x-bizproc-activity").as_deref(), Some("md5"));
    assert_eq!(
        get("x-bizproc-document").as_deref(),
        Some("crm/CCrmDocumentDeal/DEAL_77")
    );
    assert_eq!(
        get("x-bizproc-document-type").as_deref(),
        Some("crm/CCrmDocumentDeal/DEAL")
    );
    assert_eq!(get("x-bizproc-portal").as_deref(), Some(MEMBER));
    assert_eq!(get("x-bizproc-user").as_deref(), Some("5"));
    assert_eq!(get("x-bizproc-attempt").as_deref(), Some("1"));
    assert_eq!(get("x-bizproc-waiting").as_deref(), Some("true"));
    assert!(get("grpc-timeout").is_some());

    let next = world.callback(&gateway, &Callback::numbered(2, "next")).await;
    assert_eq!(next, StatusCode::OK);
    world.portal.calls(2).await;
    let spans = gateway.spans.clone();
    gateway.stop().await;
    let (accept, call, answer) = (
        spans.named("POST /bitrix/{app}/activity/{revision}").unwrap(),
        spans.named("hasher.v1.Hasher/Md5").unwrap(),
        spans.named("bizproc.event.send").unwrap(),
    );
    for span in [&accept, &call, &answer] {
        assert_eq!(span.span_context.trace_id().to_string(), job.trace_id);
    }
    assert_eq!(call.parent_span_id, accept.span_context.span_id());
    assert_eq!(answer.parent_span_id, accept.span_context.span_id());
    for (span, key, value) in [
        (&accept, "http.request.method", "POST"),
        (&accept, "http.route", "/bitrix/{app}/activity/{revision}"),
        (&accept, "bizproc.workflow", callback.get("workflow_id")),
        (&call, "rpc.service", "hasher.v1.Hasher"),
        (&call, "rpc.method", "Md5"),
        (&call, "server.address", "127.0.0.1"),
        (&call, "rpc.grpc.status_code", "0"),
        (&answer, "http.response.status_code", "200"),
    ] {
        assert_eq!(attribute(span, key), value, "{key} of {}", span.name);
    }
    let issue = spans.named("registrar.v1.Registrar/IssueToken").unwrap();
    assert_eq!(issue.span_context.trace_id().to_string(), job.trace_id);
    assert_eq!(issue.parent_span_id, accept.span_context.span_id());
    assert!(answer.links.links.is_empty(), "the token is its own");
    let finished = spans.finished();
    let other = finished
        .iter()
        .find(|span| span.name == answer.name && span.span_context.trace_id() != issue.span_context.trace_id())
        .unwrap();
    assert_eq!(other.links.links[0].span_context, issue.span_context);
    let traceparent = get("traceparent").unwrap();
    assert_eq!(
        traceparent,
        format!("00-{}-{}-01", job.trace_id, call.span_context.span_id())
    );
}

fn attribute(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| attribute.value.to_string()).unwrap_or_default()
}
