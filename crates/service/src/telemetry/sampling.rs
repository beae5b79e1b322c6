//! Which traces are recorded: `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.

use opentelemetry::{TraceId, trace::SpanContext};

/// A sampler, reduced to what decides: the ids and the parent's flag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sampling {
    /// Nothing.
    Never,
    /// A part of all traces, by trace id; with `follow`, a parent's decision counts instead.
    Some { bound: u64, follow: bool },
}

/// Trace ids are compared by 63 bits, as OpenTelemetry's SDKs do, so that services agree.
const ALL: u64 = 1 << 63;

impl Sampling {
    pub(super) const ALWAYS: Self = Self::Some {
        bound: ALL,
        follow: true,
    };

    pub(super) fn from_env() -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        Self::parse(&variable("OTEL_TRACES_SAMPLER"), &variable("OTEL_TRACES_SAMPLER_ARG"))
    }

    fn parse(sampler: &str, argument: &str) -> Self {
        let (name, follow) = match sampler.strip_prefix("parentbased_") {
            Some(root) => (root, true),
            None => (sampler, false),
        };
        match name {
            "always_on" => Self::Some { bound: ALL, follow },
            "always_off" => Self::Some { bound: 0, follow },
            "traceidratio" => Self::Some {
                bound: bound(argument),
                follow,
            },
            "" if !follow => Self::ALWAYS,
            _ => {
                tracing::warn!(sampler, "unknown OTEL_TRACES_SAMPLER: parentbased_always_on is used");
                Self::ALWAYS
            }
        }
    }

    pub(super) fn root(self, trace_id: TraceId) -> bool {
        let Self::Some { bound, .. } = self else { return false };
        let low_half = u128::from_be_bytes(trace_id.to_bytes()) & u128::from(u64::MAX);
        low_half >> 1 < u128::from(bound)
    }

    pub(super) fn child(self, parent: &SpanContext) -> bool {
        match self {
            Self::Some { follow: true, .. } => parent.is_sampled(),
            Self::Some { follow: false, .. } | Self::Never => self.root(parent.trace_id()),
        }
    }
}

fn bound(argument: &str) -> u64 {
    let ratio = if argument.is_empty() {
        Ok(1.0)
    } else {
        argument.parse::<f64>()
    };
    match ratio {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "the ratio is from 0 to 1, and the last bits do not matter"
        )]
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => (ratio * ALL as f64) as u64,
        _ => {
            tracing::warn!(
                argument,
                "OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1: all traces are recorded"
            );
            ALL
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceState};
    use opentelemetry::{
        Context,
        trace::{SpanKind, TraceContextExt},
    };
    use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};

    use super::*;

    fn parent(trace_id: TraceId, sampled: bool) -> SpanContext {
        let flags = if sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::NOT_SAMPLED
        };
        SpanContext::new(trace_id, SpanId::from_bytes([1; 8]), flags, true, TraceState::NONE)
    }

    /// The SDK's own sampler is the judge.
    #[test]
    fn decisions_are_those_of_the_sdk() {
        let cases: [(&str, &str, Sampler); 6] = [
            ("", "", Sampler::ParentBased(Box::new(Sampler::AlwaysOn))),
            ("always_off", "", Sampler::AlwaysOff),
            ("traceidratio", "0.05", Sampler::TraceIdRatioBased(0.05)),
            (
                "parentbased_traceidratio",
                "0.3",
                Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.3))),
            ),
            (
                "parentbased_always_off",
                "",
                Sampler::ParentBased(Box::new(Sampler::AlwaysOff)),
            ),
            ("traceidratio", "", Sampler::TraceIdRatioBased(1.0)),
        ];
        for (name, argument, sdk) in cases {
            let ours = Sampling::parse(name, argument);
            for _ in 0..2000 {
                let id = super::super::trace_id();
                let decide = |context: Option<&Context>| {
                    let result = sdk.should_sample(context, id, "x", &SpanKind::Server, &[], &[]);
                    result.decision == SamplingDecision::RecordAndSample
                };
                assert_eq!(ours.root(id), decide(None), "{name} {argument} {id}");
                for sampled in [true, false] {
                    let parent = parent(id, sampled);
                    let context = Context::new().with_remote_span_context(parent.clone());
                    assert_eq!(
                        ours.child(&parent),
                        decide(Some(&context)),
                        "{name} {argument} {id} {sampled}"
                    );
                }
            }
        }
    }

    #[test]
    fn nonsense_records_everything() {
        assert_eq!(Sampling::parse("xray", ""), Sampling::ALWAYS);
        assert_eq!(Sampling::parse("parentbased_traceidratio", "5 %"), Sampling::ALWAYS);
        assert_eq!(Sampling::parse("parentbased_", ""), Sampling::ALWAYS);
    }
}
