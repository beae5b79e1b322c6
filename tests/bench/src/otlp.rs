//! A collector: takes spans by OTLP over HTTP and counts them.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use crate::{
    http,
    http::{Handler, Request},
};

/// Counts spans.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    spans: Arc<AtomicU32>,
}

impl Collector {
    /// Spans that came so far.
    pub(crate) fn spans(&self) -> u32 {
        self.spans.load(Ordering::Relaxed)
    }
}

impl Handler for Collector {
    fn handle(&self, request: &Request<'_>, response: &mut Vec<u8>) {
        // ExportTraceServiceRequest.resource_spans = 1, ResourceSpans.scope_spans = 2, ScopeSpans.spans = 2.
        let spans = count(request.body, &[1, 2, 2]);
        self.spans.fetch_add(spans, Ordering::Relaxed);
        http::respond(response, "200 OK", b"");
    }
}

/// How many messages a message holds at a path of field numbers; what is not protobuf counts as far as it can be read.
fn count(mut message: &[u8], path: &[u64]) -> u32 {
    let Some((field, deeper)) = path.split_first() else {
        return 1;
    };
    let mut found = 0;
    while let Some((number, content)) = next(&mut message) {
        if number == *field {
            found += count(content, deeper);
        }
    }
    found
}

/// Takes a field off the front: its number and content (empty unless length-delimited).
fn next<'a>(message: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let key = varint(message)?;
    let length = match key & 7 {
        0 => {
            varint(message)?;
            0
        }
        1 => 8,
        2 => usize::try_from(varint(message)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (content, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some((key >> 3, content))
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_spans_beside_other_fields() {
        // Two spans (field 2) beside a string (field 3), in one scope, in one resource that has attributes (field 1).
        let scope = [0x12, 2, 0x0a, 0, 0x1a, 1, b'x', 0x12, 0];
        let resource = [&[0x0a, 0, 0x12, 9][..], &scope].concat();
        let request = [&[0x0a, 13][..], &resource].concat();
        assert_eq!(count(&request, &[1, 2, 2]), 2);
        assert_eq!(count(b"{\"not\": \"protobuf\"}", &[1, 2, 2]), 0);
    }
}
