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

use std::fmt::{self, Write as _};

use bytes::Bytes;
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
    let mut values = Values {
        text: String::with_capacity(512),
        ends: Vec::with_capacity(10),
    };
    // What no other call has would only push out of the connection's table what all have.
    let (once, always) = (true, false);
    values.put(&JOB, once, job.id());
    values.put(&WORKFLOW, once, encoded(&job.workflow_id));
    values.put(&TRACEPARENT, once, job.trace.parent(span));
    if let Some(document) = &job.document_id {
        values.put(&DOCUMENT, once, triple(document));
    }
    if let Some(kind) = &job.document_type {
        values.put(&DOCUMENT_TYPE, always, triple(kind));
    }
    values.put(&ACTIVITY, always, encoded(&job.code));
    values.put(&PORTAL, always, encoded(&job.member_id));
    if job.user_id > 0 {
        values.put(&USER, always, job.user_id);
    }
    values.put(&ATTEMPT, always, attempt);
    values.put(&WAITING, always, job.subscription.answers());
    values.into_metadata()
}

/// Values of headers, all in one text.
struct Values {
    text: String,
    /// Name, whether it is of one call only, and where the value ends.
    ends: Vec<(&'static HeaderName, bool, usize)>,
}

impl Values {
    fn put(&mut self, name: &'static HeaderName, once: bool, value: impl fmt::Display) {
        // Writing to a text can't fail.
        let _ = write!(self.text, "{value}");
        self.ends.push((name, once, self.text.len()));
    }

    fn into_metadata(self) -> MetadataMap {
        let text = Bytes::from(self.text);
        let mut headers = HeaderMap::with_capacity(16);
        let mut start = 0;
        for (name, once, end) in self.ends {
            // Percent-encoded text is always a header value.
            if let Ok(mut value) = HeaderValue::from_maybe_shared(text.slice(start..end)) {
                value.set_sensitive(once);
                headers.insert(name, value);
            }
            start = end;
        }
        MetadataMap::from_headers(headers)
    }
}

fn encoded(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, PLAIN)
}

fn triple([module, entity, id]: &[String; 3]) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{}/{}/{}", encoded(module), encoded(entity), encoded(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_header() {
        assert_eq!(encoded("a b/%|\\\u{436}\n").to_string(), "a%20b%2F%25%7C%5C%D0%B6%0A");
        assert_eq!(
            triple(&["crm".into(), "Bitrix\\Crm".into(), "DYNAMIC_1/2".into()]).to_string(),
            "crm/Bitrix%5CCrm/DYNAMIC_1%2F2"
        );
    }
}
