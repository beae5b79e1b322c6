//! Traces, logs and metrics of the real binaries, in the real Jaeger.

mod jaeger;
mod leaks;
