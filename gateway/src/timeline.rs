//! When what happened to a job, until its spans are built.

use std::time::SystemTime;

use service::{
    system_time,
    telemetry::{self, KeyValue, SpanId, SpanKind},
};

use crate::{
    job::{Job, Millis},
    trace::{Done, Post, Trace},
};

/// What happened to a job since it was accepted or taken from the store.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// The portal's POST, unless its span was handed over already.
    post: Option<Post>,
    resumed: Option<Resumed>,
    spans: Vec<Done>,
}

/// How a job comes out of the store.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) id: SpanId,
    pub(crate) start: SystemTime,
    /// How long nobody worked on it.
    pub(crate) waited_ms: i64,
    /// The process that worked on it before has ended.
    pub(crate) restarted: bool,
    /// What it had to wait for.
    pub(crate) problem: Option<String>,
}

impl Timeline {
    /// Of a job whose POST was just stored.
    pub(crate) fn accepted(post: Post) -> Self {
        Self {
            post: Some(post),
            resumed: None,
            spans: Vec::new(),
        }
    }

    /// Of a job that is taken from the store at `now`, where it was put at `changed`. `started`: when this process began.
    pub(crate) fn resumed(job: &Job, changed: Millis, problem: Option<String>, now: Millis, started: Millis) -> Self {
        // Nothing has been told of a job that no work has ended on: it had no place in memory, or the process is gone
        // that had it.
        let received = system_time(job.received.into());
        let post = (changed == job.received).then_some(Post {
            start: received,
            end: received,
            path: None,
        });
        let resumed = Resumed {
            id: telemetry::span_id(),
            start: system_time(now.into()),
            waited_ms: i64::try_from(now.since(changed).as_millis()).unwrap_or(i64::MAX),
            restarted: changed < started,
            problem,
        };
        Self {
            post,
            resumed: Some(resumed),
            spans: Vec::new(),
        }
    }

    /// The span that all others are under.
    pub(crate) fn parent(&self, trace: Trace) -> SpanId {
        self.resumed.as_ref().map_or(trace.accept, |resumed| resumed.id)
    }

    /// Adds a client span.
    pub(crate) fn client(
        &mut self,
        trace: Trace,
        name: impl Into<std::borrow::Cow<'static, str>>,
        id: SpanId,
        (start, end): (SystemTime, SystemTime),
        attributes: Vec<KeyValue>,
    ) -> &mut Done {
        let parent = self.parent(trace);
        self.spans.push(Done {
            name: name.into(),
            kind: SpanKind::Client,
            id,
            parent,
            start,
            end,
            attributes,
            link: None,
            problem: None,
        });
        self.spans.last_mut().expect("one was just pushed")
    }

    pub(crate) fn into_parts(self) -> (Option<Post>, Option<Resumed>, Vec<Done>) {
        (self.post, self.resumed, self.spans)
    }
}
