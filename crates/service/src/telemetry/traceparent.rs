//! The W3C header `traceparent`.

use opentelemetry::{
    SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceState},
};

/// Name of the header, and of the gRPC metadata key.
pub const HEADER: &str = "traceparent";

const LENGTH: usize = 55;

/// Reads a header; a remote parent. `None` for anything that is not valid.
pub fn parse(header: &str) -> Option<SpanContext> {
    let bytes = header.as_bytes();
    // A later version may have more fields, after a dash.
    let complete =
        bytes.len() == LENGTH || (bytes.len() > LENGTH && bytes[LENGTH] == b'-' && !header.starts_with("00"));
    if !complete || bytes[2] != b'-' || bytes[35] != b'-' || bytes[52] != b'-' {
        return None;
    }
    let version = u8::try_from(hex(&bytes[..2])?).ok()?;
    let trace_id = TraceId::from_bytes(hex(&bytes[3..35])?.to_be_bytes());
    let span_id = SpanId::from_bytes(u64::try_from(hex(&bytes[36..52])?).ok()?.to_be_bytes());
    let flags = u8::try_from(hex(&bytes[53..55])?).ok()?;
    let context = SpanContext::new(
        trace_id,
        span_id,
        TraceFlags::new(flags) & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    (version != 0xff && context.is_valid()).then_some(context)
}

/// Writes a header.
pub fn format(context: &SpanContext) -> String {
    format_ids(context.trace_id(), context.span_id(), context.is_sampled())
}

/// The same from its parts.
pub fn format_ids(trace_id: TraceId, span_id: SpanId, sampled: bool) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // The last part gets a dash, too, which is removed below.
    let mut header = String::with_capacity(LENGTH + 1);
    let mut push = |bytes: &[u8]| {
        for byte in bytes {
            header.push(char::from(DIGITS[usize::from(byte >> 4)]));
            header.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        header.push('-');
    };
    push(&[0]);
    push(&trace_id.to_bytes());
    push(&span_id.to_bytes());
    push(&[u8::from(sampled)]);
    header.pop();
    header
}

/// Lower-case hex digits only, as the specification has it.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |value, digit| {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(nibble))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the W3C recommendation.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_comes_back_as_it_was() {
        let context = parse(EXAMPLE).unwrap();
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(format(&context), EXAMPLE);
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(!parse(&EXAMPLE.replace("-01", "-00")).unwrap().is_sampled());
    }

    #[test]
    fn what_is_not_valid_is_no_parent() {
        for wrong in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-0f067aa0ba902b7-01",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert!(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
    }
}
