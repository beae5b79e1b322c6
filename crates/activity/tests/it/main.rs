//! The crate from outside: descriptors compiled from source in, definitions and values out.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod answer;
mod definition;
mod executor;
mod fuzz;
mod masked;
mod request;
mod rules;
mod set;
mod timestamp;
