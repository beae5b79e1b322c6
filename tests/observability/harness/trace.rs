//! A trace as Jaeger shows it.

use std::collections::HashMap;

use anyhow::Context as _;
use serde_json::Value;

/// The spans of a trace, in the order of their beginnings.
#[derive(Debug)]
pub struct Trace {
    /// Its id.
    pub id: String,
    /// Its spans.
    pub spans: Vec<Span>,
}

/// One span.
#[derive(Debug, Clone)]
pub struct Span {
    /// Its id.
    pub id: String,
    /// `service: name`.
    pub operation: String,
    /// Id of the span that it is under.
    pub parent: Option<String>,
    /// Traces and spans that it links to.
    pub links: Vec<(String, String)>,
    /// Its attributes; `span.kind`, `error` and the status among them.
    pub tags: HashMap<String, String>,
    start: u64,
}

impl Trace {
    pub(crate) fn of(found: &Value) -> anyhow::Result<Self> {
        let services = &found["processes"];
        let spans = found["spans"].as_array().context("spans")?;
        let mut spans: Vec<_> = spans
            .iter()
            .map(|span| Span::of(span, services))
            .collect::<Result<_, _>>()?;
        spans.sort_by_key(|span| span.start);
        Ok(Self {
            id: text(&found["traceID"]),
            spans,
        })
    }

    /// Whether the operations are there, each as often as it is given.
    pub fn has(&self, operations: &[&str]) -> bool {
        operations.iter().all(|operation| {
            let wanted = operations.iter().filter(|other| *other == operation).count();
            self.all(operation).count() >= wanted
        })
    }

    /// The spans of an operation.
    pub fn all(&self, operation: &str) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(move |span| span.operation == operation)
    }

    /// The only span of an operation.
    pub fn only(&self, operation: &str) -> anyhow::Result<&Span> {
        let mut all = self.all(operation);
        let first = all.next().with_context(|| format!("no {operation} in {self:#?}"))?;
        anyhow::ensure!(all.next().is_none(), "several {operation} in {self:#?}");
        Ok(first)
    }

    /// What is under a span.
    pub fn children(&self, span: &Span) -> Vec<&Span> {
        self.spans
            .iter()
            .filter(|other| other.parent.as_ref() == Some(&span.id))
            .collect()
    }

    /// The spans without a parent in this trace: one, in a whole one.
    pub fn roots(&self) -> Vec<&Span> {
        let known = |id: &String| self.spans.iter().any(|span| span.id == *id);
        self.spans
            .iter()
            .filter(|span| !span.parent.as_ref().is_some_and(known))
            .collect()
    }
}

impl Span {
    fn of(span: &Value, services: &Value) -> anyhow::Result<Self> {
        let id = text(&span["spanID"]);
        let trace = &span["traceID"];
        let references: Vec<_> = span["references"].as_array().into_iter().flatten().collect();
        let is_parent = |reference: &&&Value| reference["refType"] == "CHILD_OF" && reference["traceID"] == *trace;
        let service = &services[span["processID"].as_str().context("processID")?]["serviceName"];
        let tags = span["tags"].as_array().into_iter().flatten();
        Ok(Self {
            operation: format!("{}: {}", text(service), text(&span["operationName"])),
            parent: references.iter().find(is_parent).map(|parent| text(&parent["spanID"])),
            links: references
                .iter()
                .filter(|reference| !is_parent(reference))
                .map(|link| (text(&link["traceID"]), text(&link["spanID"])))
                .collect(),
            tags: tags.map(|tag| (text(&tag["key"]), text(&tag["value"]))).collect(),
            start: span["startTime"].as_u64().context("startTime")?,
            id,
        })
    }

    /// An attribute; empty if it has none.
    pub fn tag(&self, key: &str) -> &str {
        self.tags.get(key).map_or("", String::as_str)
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}
