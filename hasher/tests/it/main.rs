//! The real service on real sockets.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod binary;
mod calls;
mod discovery;
mod harness;
mod otlp;
