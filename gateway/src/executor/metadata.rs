//! What an executor learns beside the properties.
//!
//! | metadata | value |
//! |---|---|
//! | `x-bizproc-job` | idempotency key, 32 lower hex digits; an executor sees each job at least once |
//! | `x-bizproc-workflow` | workflow id |
//! | `x-bizproc-activity` | code |
//! | `x-bizproc-document`, `-document-type` | three parts with `/` between, each percent-encoded; missing in forms of 2015 |
//! | `x-bizproc-portal` | the portal's identity (`member_id`) |
//! | `x-bizproc-user` | whom the step runs as; missing when the portal doesn't tell |
//! | `x-bizproc-attempt` | 1, 2, … |
//! | `x-bizproc-waiting` | `true` when the workflow waits for the answer |
//! | `traceparent` | always |
//!
//! Values are percent-encoded UTF-8: all but letters, digits and `-._~`.

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use service::telemetry::{SpanId, traceparent};
use tonic::metadata::MetadataMap;

use crate::job::Job;

const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

static JOB: HeaderName = HeaderName::from_static("x-bizproc-job");
static WORKFLOW: HeaderName = HeaderName::from_static("x-bizproc-workflow");
static ACTIVITY: HeaderName = HeaderName::from_static("x-bizproc-activity");
static DOCUMENT: HeaderName = HeaderName::from_static("x-bizproc-document");
static DOCUMENT_TYPE: HeaderName = HeaderName::from_static("x-bizproc-document-type");
static PORTAL: HeaderName = HeaderName::from_static("x-bizproc-portal");
static USER: HeaderName = HeaderName::from_static("x-bizproc-user");
static ATTEMPT: HeaderName = HeaderName::from_static("x-bizproc-attempt");
static WAITING: HeaderName = HeaderName::from_static("x-bizproc-waiting");
static TRACEPARENT: HeaderName = HeaderName::from_static(traceparent::HEADER);

/// Metadata of the `attempt`th call of a job, whose span is `span`.
pub(super) fn of(job: &Job, attempt: u32, span: SpanId) -> MetadataMap {
    let mut headers = HeaderMap::with_capacity(16);
    let mut put = |name: &HeaderName, text: &str, once: bool| {
        // Percent-encoded text is always a header value.
        if let Ok(mut value) = HeaderValue::from_str(text) {
            // What no other call has would only push out of the connection's table what all have.
            value.set_sensitive(once);
            headers.insert(name.clone(), value);
        }
    };
    put(&JOB, &job.id(), true);
    put(&WORKFLOW, &encoded(&job.workflow_id), true);
    put(&TRACEPARENT, &job.trace.parent(span), true);
    if let Some(document) = &job.document_id {
        put(&DOCUMENT, &triple(document), true);
    }
    if let Some(kind) = &job.document_type {
        put(&DOCUMENT_TYPE, &triple(kind), false);
    }
    put(&ACTIVITY, &encoded(&job.code), false);
    put(&PORTAL, &encoded(&job.member_id), false);
    if job.user_id > 0 {
        put(&USER, &job.user_id.to_string(), false);
    }
    put(&ATTEMPT, &attempt.to_string(), false);
    let waiting = if job.subscription.answers() { "true" } else { "false" };
    put(&WAITING, waiting, false);
    MetadataMap::from_headers(headers)
}

fn encoded(text: &str) -> std::borrow::Cow<'_, str> {
    utf8_percent_encode(text, PLAIN).into()
}

fn triple(parts: &[String; 3]) -> String {
    parts.each_ref().map(|part| encoded(part)).join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_header() {
        assert_eq!(encoded("a b/%|\\\u{436}\n"), "a%20b%2F%25%7C%5C%D0%B6%0A");
        assert_eq!(
            triple(&["crm".into(), "Bitrix\\Crm".into(), "DYNAMIC_1/2".into()]),
            "crm/Bitrix%5CCrm/DYNAMIC_1%2F2"
        );
    }
}
